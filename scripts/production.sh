#!/usr/bin/env bash
# Materialize the graph in the production environment and write the release of each champion.
#
#   scripts/production.sh OUT
#
# Writes run.json and status.json into OUT and a bundle of each model that has a champion into
# OUT/releases. Ends with 1 where the run failed: then nothing is released.
set -euo pipefail

out="${1:?usage: scripts/production.sh OUT}"
: "${ML_ASSETS_HOME:?say where the production home is}"
export ML_ASSETS_ENV="${PRODUCTION_ENV:-prod}"
read -ra ml <<<"${ML_ASSETS:-.venv/bin/ml-assets}"
read -ra python <<<"${PYTHON:-.venv/bin/python}"
mkdir -p "$out/releases"

"${ml[@]}" run --json >"$out/run.json"
"${ml[@]}" status --json >"$out/status.json"
models="$("${python[@]}" -c 'import json, sys; print(*json.load(sys.stdin)["models"])' <"$out/status.json")"
for model in $models; do
  champion="$("${ml[@]}" champion "$model" --json)"
  if "${python[@]}" -c 'import json, sys; sys.exit(not json.load(sys.stdin)["champion"])' <<<"$champion"; then
    "${ml[@]}" release "$model" --out "$out/releases"
  else
    echo "$model has no champion: nothing to release" >&2
  fi
done
