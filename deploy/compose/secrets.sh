#!/bin/sh
# Makes the secrets of compose.yaml, once: a password of ClickHouse, and the address that Mailstop reaches it by. The folder
# can be entered by you alone. The files in it can be read by all, because the containers' users, to whom Docker shows them
# one by one, are not you.
set -eu
cd "$(dirname "$0")"

if [ -e secrets/clickhouse_dsn ]; then
	echo "secrets: there already" >&2
	exit 0
fi
umask 077
mkdir -p secrets
password=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
printf '%s' "$password" >secrets/clickhouse_password
printf 'clickhouse://mailstop:%s@clickhouse:9000/mailstop\n' "$password" >secrets/clickhouse_dsn.new
chmod 0644 secrets/clickhouse_password secrets/clickhouse_dsn.new
mv secrets/clickhouse_dsn.new secrets/clickhouse_dsn
