#!/bin/bash
# Let somebody in, or change a password, which is asked for: deploy/user.sh viewers|operators NAME
#
# The proxy reads it when it starts: compose restart proxy. CADDY says what to call instead of the
# caddy in the proxy's image.
set -euo pipefail
cd "$(dirname "$0")"
role="${1:-}" name="${2:-}"
[[ "$role" =~ ^(viewers|operators)$ && "$name" =~ ^[A-Za-z0-9._@-]+$ ]] || {
  echo "usage: deploy/user.sh viewers|operators NAME" >&2
  exit 2
}
[[ -t 0 ]] && read -rsp "password of $name: " password && echo || read -r password
hash="$(${CADDY:-podman run --rm -i localhost/ml_assets/proxy:1 caddy} hash-password <<<"$password")"
for file in secrets/users/*; do
  # As it is, so that its owner stays.
  kept="$(grep -v "^$name " "$file" || true)"
  printf '%s' "${kept:+$kept$'\n'}" >"$file"
done
echo "$name $hash" >>"secrets/users/$role"
