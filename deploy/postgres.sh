#!/bin/bash
# Start Postgres on the volume /srv/data; the first time with the databases of compose.yaml.
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
  for name in state dagster; do
    echo "CREATE DATABASE $name;"
  done | postgres --single -D "$data.new" postgres >/dev/null
  mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
