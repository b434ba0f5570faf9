#!/usr/bin/env bash
# Put new files into the landing folders of ML_ASSETS_HOME: edit this for where your data comes from.
# As it is, LANDING_SOURCE names a folder that holds a folder for each dataset.
set -euo pipefail

: "${ML_ASSETS_HOME:?say where state lives}"
landing="$ML_ASSETS_HOME/landing"
mkdir -p "$landing"
if [[ -z "${LANDING_SOURCE:-}" ]]; then
  echo "LANDING_SOURCE is not set: nothing new is landed"
  exit 0
fi
for folder in "$LANDING_SOURCE"/*/; do
  mkdir -p "$landing/$(basename "$folder")"
  cp -Rp "$folder." "$landing/$(basename "$folder")/"
done
