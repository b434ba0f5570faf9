#!/usr/bin/env bash
# What the system must have besides Python's packages: scripts/system.sh demo|test. Installs what is
# missing on Debian and Ubuntu, as root or by a sudo that asks nothing; elsewhere it says what is missing.
set -euo pipefail
cd "${0%/*}/.."
python="${PYTHON:-python3.11}"

missing() {
  need=()
  command -v make >/dev/null || need+=(make)
  [[ "$(PATH="$PATH:/usr/sbin:/sbin" ldconfig -p)" == *libgomp.so.1* ]] || need+=(libgomp1) # LightGBM
  if [[ ! -e .venv/.base-installed ]]; then
    command -v "$python" >/dev/null || need+=("$python")
    "$python" -c 'import ensurepip' 2>/dev/null || need+=("$python-venv")
  fi
  if [[ "$1" == test ]]; then
    command -v chromium >/dev/null || need+=(chromium) # the browser tests
    [[ -n "$(PATH="$PATH:/usr/sbin:/sbin" command -v nginx)" ]] || need+=(nginx) # in front of the service
    command -v caddy >/dev/null || need+=(caddy) # the login in front of the pages
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need+=(postgresql) # a shared home
  fi
  ((${#need[@]}))
}

installed() {
  command -v apt-get >/dev/null || return 1
  local root=()
  if ((EUID)); then
    sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
  echo "apt-get install ${need[*]}"
  "${root[@]}" apt-get update -qq &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -qq -y --no-install-recommends "${need[@]}" >/dev/null
}

missing "$1" || exit 0
if ! installed || missing "$1"; then
  echo "make $1 needs what this system lacks: ${need[*]} (names of Debian's packages; there and on" \
    "Ubuntu: sudo apt-get install ${need[*]}; elsewhere the same by the system's own package manager)" >&2
  exit 1
fi
