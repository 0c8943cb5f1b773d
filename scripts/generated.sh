#!/bin/sh
# Holds the committed files that are made from code against the code: generated.sh BINARY. "make generate" renews them.
set -eu
if ! "$1" config reference | diff -u configs/reference.yaml -; then
	echo 'configs/reference.yaml is out of date: run "make generate"' >&2
	exit 1
fi
