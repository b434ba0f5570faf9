#!/bin/bash
# Start Postgres on the volume /srv/data, with the databases of compose.yaml.
#
#   PGPASSWORD=… postgres.sh
set -euo pipefail
: "${PGPASSWORD:?wanted the password that clients send}"
data=/srv/data/postgres
if [[ ! -e "$data/PG_VERSION" ]]; then
  # Made aside: one that was cut is made again.
  rm -rf "$data.new"
  initdb -D "$data.new" -U ml_assets -E UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 --pwfile=<(printf %s "$PGPASSWORD") >/dev/null
  echo 'host all all all scram-sha-256' >>"$data.new/pg_hba.conf"
  mv "$data.new" "$data"
fi
# One from before may lack some.
known="$(postgres --single -D "$data" postgres <<<'SELECT datname FROM pg_database;')"
for name in state dagster mlflow; do
  if [[ "$known" != *"\"$name\""* ]]; then
    postgres --single -D "$data" postgres <<<"CREATE DATABASE $name;" >/dev/null
  fi
done
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
