#!/bin/bash
# Write what the containers keep secret into a folder, and .env beside it; what is there stays.
#
#   deploy/secrets.sh DOMAIN
#
# Passwords of Postgres and S3, a certificate for Dask's processes, and the files of users, with nobody in them.
# Containers run as user 10001, who must read them: run this as root, or by `podman unshare`.
set -euo pipefail
cd "$(dirname "$0")"
domain="${1:?usage: deploy/secrets.sh DOMAIN}"
umask 077
mkdir -p secrets/dask secrets/users project landing
drawn() { openssl rand -hex 24; }
[[ -e secrets/postgres.env ]] || echo "PGPASSWORD=$(drawn)" >secrets/postgres.env
[[ -e secrets/s3.env ]] ||
  printf 'AWS_ACCESS_KEY_ID=ml_assets\nAWS_SECRET_ACCESS_KEY=%s\n' "$(drawn)" >secrets/s3.env
for role in viewers operators; do
  # Caddy takes no empty file.
  [[ -e secrets/users/$role ]] || echo "# $role: a name and a hash, by deploy/user.sh" >secrets/users/$role
done
if [[ ! -e secrets/dask/dask.pem ]]; then
  # One certificate for scheduler, workers and runs, which is its own authority.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=dask \
    -addext subjectAltName=DNS:scheduler -keyout secrets/dask/dask.key -out secrets/dask/ca.pem \
    2>/dev/null
  cp secrets/dask/ca.pem secrets/dask/dask.pem
fi
chmod 755 project landing
chown -R 10001:10001 landing secrets/dask secrets/users
[[ -e .env ]] || cat >.env <<ENV
DOMAIN=$domain
# By digest, once you have chosen them: debian@sha256:…
BASE_IMAGE=debian:bookworm-slim
APP_IMAGE=localhost/ml_assets/app:1
POSTGRES_IMAGE=localhost/ml_assets/postgres:1
S3_IMAGE=localhost/ml_assets/s3:1
PROXY_IMAGE=localhost/ml_assets/proxy:1
ENV
echo "deploy/.env and deploy/secrets are there; add people by deploy/user.sh"
