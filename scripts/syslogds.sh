#!/bin/sh
# Puts Debian's rsyslog into the user's cache folder, unpacked and not installed: Debian does not install it beside
# syslog-ng, and the tests of parse/envelope run both. syslog-ng is taken from where it is installed.
set -eu

folder="${XDG_CACHE_HOME:-$HOME/.cache}/mailstop/syslogds"

if ! command -v syslog-ng >/dev/null && [ ! -x /usr/sbin/syslog-ng ]; then
	echo "syslogds: syslog-ng is missing (Debian, Ubuntu: apt-get install --no-install-recommends syslog-ng-core)" >&2
fi
if command -v rsyslogd >/dev/null || [ -x /usr/sbin/rsyslogd ] || [ -x "$folder/usr/sbin/rsyslogd" ]; then
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
fetch() { (cd "$work" && apt-get download -qq rsyslog libestr0 libfastjson4 liblognorm5) >&2; } # the packages are signed
fetch || { apt-get update -q >&2 && fetch; }                                                     # the lists may be old
for package in "$work"/*.deb; do
	dpkg-deb -x "$package" "$work/root"
done
rm -rf "$folder"
mv "$work/root" "$folder"
echo "syslogds: $folder" >&2
