#!/bin/sh
# Installs ulogd2 and its JSON output on Debian and Ubuntu, for the tests in internal/lab that read what it writes. Needs
# root. The package starts a service of its own, which those tests leave alone.
set -eu

if command -v ulogd >/dev/null && ls /usr/lib/*/ulogd/ulogd_output_JSON.so >/dev/null 2>&1; then
	exit 0
fi
command -v apt-get >/dev/null || {
	echo "ulogd: there is no apt-get here; install ulogd2 with its JSON output otherwise" >&2
	exit 1
}
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y --no-install-recommends ulogd2 ulogd2-json
