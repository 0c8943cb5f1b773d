#!/bin/sh
# Runs every fuzz target for a while: fuzz.sh DURATION, for example 5m. New failing inputs stay in testdata/fuzz.
set -eu
duration=${1:-5m}
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r folder; do
	go test -list '^Fuzz' "$folder" </dev/null | grep '^Fuzz' | while read -r target; do
		echo "== $folder $target $duration"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$duration" "$folder" </dev/null
	done
done
