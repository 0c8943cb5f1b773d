#!/bin/sh
# Puts libchdb.so, the store's engine, into the user's cache folder, once. The package is pinned and checked by SHA-256,
# before and after unpacking. The library gets its name only when it is complete, so that this script may be interrupted,
# and may run twice at the same time.
set -eu

package=@chdb/lib-linux-x64-gnu
version=26.7.3-stable.1
tarball_sha256=c0d32b129e988f2b9a9a31c9141aecf5e1e2453f9a079efc4d36ab8e3f92b2ad
library_sha256=36ad4e999882821ef13cf2d0f52c93f48e6ee1b4498b35a201c23ce4b8d15bf5

folder="${XDG_CACHE_HOME:-$HOME/.cache}/mailstop/libchdb-$version"
library="$folder/libchdb.so"

stop() {
	echo "libchdb: $1" >&2
	cat >&2 <<END

Without libchdb, "mailstop replay" works and reports, but stores nothing. To get it by hand:
  1. download the npm package $package, version $version
     (SHA-256 of the .tgz: $tarball_sha256)
  2. unpack it with "tar -xzf" and move package/libchdb.so to
     $library
     or anywhere else, and set MAILSTOP_LIBCHDB to its path
END
	exit 1
}

check() { # file, SHA-256
	echo "$2  $1" | sha256sum --check --status || stop "$1 is not the pinned file: its SHA-256 is not $2"
}

if [ -n "${MAILSTOP_LIBCHDB:-}" ] && [ -f "$MAILSTOP_LIBCHDB" ]; then
	exit 0
fi
if [ -f "$library" ]; then
	exit 0
fi
[ "$(uname -sm)" = "Linux x86_64" ] || stop "there is no pinned library for $(uname -sm)"
command -v npm >/dev/null || stop "npm is needed to fetch it (Debian, Ubuntu: apt-get install npm)"

mkdir -p "$folder"
work=$(mktemp -d "$folder/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

echo "libchdb: fetching $package $version (178 MB, unpacked 566 MB)" >&2
tarball=$(npm pack --silent --cache "$work/npm" --pack-destination "$work" "$package@$version") ||
	stop "npm could not fetch $package@$version"
check "$work/$tarball" "$tarball_sha256"
tar -xzf "$work/$tarball" -C "$work" package/libchdb.so
check "$work/package/libchdb.so" "$library_sha256"
mv -f "$work/package/libchdb.so" "$library"
echo "libchdb: $library" >&2
