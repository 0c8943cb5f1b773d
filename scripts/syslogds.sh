#!/bin/sh
# Puts Debian's rsyslog into the user's cache folder, unpacked and not installed: Debian does not install it beside
# syslog-ng, and the tests of parse/envelope and deploy run both. The Kafka outputs of both daemons are put there too.
# syslog-ng itself is taken from where it is installed. apt-get checks the packages' signatures.
set -eu

folder="${XDG_CACHE_HOME:-$HOME/.cache}/mailstop/syslogds"

if ! command -v syslog-ng >/dev/null && [ ! -x /usr/sbin/syslog-ng ]; then
	echo "syslogds: syslog-ng is missing (Debian, Ubuntu: apt-get install --no-install-recommends syslog-ng-core)" >&2
fi

has() { # root, a pattern below it
	# shellcheck disable=SC2086 # the pattern is to be expanded
	ls "$1"/$2 >/dev/null 2>&1
}
complete() { # root: has rsyslog there, and both outputs?
	[ -x "$1/usr/sbin/rsyslogd" ] && has "$1" 'usr/lib/*/rsyslog/omkafka.so' && has "$1" 'usr/lib/syslog-ng/*/libkafka.so'
}
if complete "$folder" || complete ""; then
	exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	echo "syslogds: rsyslog is missing, and this is no Debian to fetch it from" >&2
	exit 1
fi

mkdir -p "${folder%/*}"
work=$(mktemp -d "${folder%/*}/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$work/root"
fetch() {
	(cd "$work" && apt-get download -qq rsyslog libestr0 libfastjson4 liblognorm5 \
		rsyslog-kafka syslog-ng-mod-rdkafka librdkafka1 liblz4-1 libsasl2-2) >&2
}
fetch || { apt-get update -q >&2 && fetch; } # the lists may be old
for package in "$work"/*.deb; do
	dpkg-deb -x "$package" "$work/root"
done
complete "$work/root" || {
	echo "syslogds: the packages lack a program or an output" >&2
	exit 1
}
rm -rf "$folder"
mv "$work/root" "$folder"
echo "syslogds: $folder" >&2
