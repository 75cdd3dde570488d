#!/bin/sh
# Once in the life of the volume.  A failure ends the boot: the container stops with this script's exit code.
set -eu
data=/var/lib/postgresql/data
bin=/usr/local/lib/postgresql/bin

if [ -s "$data/PG_VERSION" ]; then
    exit 0
fi
if [ -z "${POSTGRES_PASSWORD-}" ]; then
    echo "set POSTGRES_PASSWORD: the password of the user postgres" >&2
    exit 64
fi

echo "making the database in $data" >&2
# A mounted directory belongs to whoever made it.
chown postgres:postgres "$data"
chmod 0700 "$data"
password=$(mktemp)
trap 'rm -f "$password"' EXIT
printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
chown postgres "$password"
setuser postgres "$bin/initdb" --pgdata="$data" --pwfile="$password" --encoding=UTF8 --auth-local=peer --auth-host=scram-sha-256 >&2
printf 'host all all all scram-sha-256\n' >>"$data/pg_hba.conf"
