#!/bin/sh
# Puts Debian's Exim into the user's cache folder, once, without installing it, and prints the path of the program: the tests
# run it with a configuration, a spool and a log of their own. What is installed already is used as it is. The program gets
# its place only when it is complete, so that this script may be interrupted, and may run twice at the same time.
set -eu

for program in /usr/sbin/exim4 /usr/sbin/exim; do
	if [ -x "$program" ]; then
		echo "$program"
		exit 0
	fi
done

folder="${XDG_CACHE_HOME:-$HOME/.cache}/mailstop/exim"
program="$folder/root/usr/sbin/exim4"
if [ -x "$program" ]; then
	echo "$program"
	exit 0
fi

for tool in apt-get dpkg; do
	command -v "$tool" >/dev/null || {
		echo "exim: $tool is needed to fetch it (or install exim4)" >&2
		exit 1
	}
done

mkdir -p "$folder"
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
fetch() { (cd "$work" && apt-get download exim4-daemon-light exim4-base) >&2; }
fetch || { apt-get update -q >&2 && fetch; } || { # the lists of packages may be old, or not there
	echo "exim: apt-get could not download exim4-daemon-light and exim4-base" >&2
	exit 1
}
for package in "$work"/*.deb; do
	dpkg -x "$package" "$work/root"
done
"$work/root/usr/sbin/exim4" -bV >/dev/null 2>&1 || {
	echo "exim: the program does not run here; are its libraries installed?" >&2
	exit 1
}
mv "$work/root" "$folder/root" 2>/dev/null || [ -x "$program" ]
echo "$program"
