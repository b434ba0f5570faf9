#!/usr/bin/env bash
# Say what a change would do: what would run again, and each model's metrics before and after.
#
#   scripts/pull_request.sh OUT
#
# ML_ASSETS_HOME holds a copy of production's state; what production shows is not touched, since
# the change is materialized in an environment of its own. Writes into OUT: before.json, plan.json,
# run.json, after.json and comment.md. Ends with 1 where the run failed, after the comment.
set -euo pipefail

out="${1:?usage: scripts/pull_request.sh OUT}"
: "${ML_ASSETS_HOME:?say where the copy of the production home is}"
here="$(cd "$(dirname "$0")" && pwd)"
production="${PRODUCTION_ENV:-prod}"
own="${PULL_REQUEST_ENV:-pull-request}"
read -ra ml <<<"${ML_ASSETS:-.venv/bin/ml-assets}"
read -ra python <<<"${PYTHON:-.venv/bin/python}"
mkdir -p "$out"

ML_ASSETS_ENV="$production" "${ml[@]}" plan --json >"$out/plan.json"
ML_ASSETS_ENV="$production" "${ml[@]}" status --json >"$out/before.json"
code=0
ML_ASSETS_ENV="$own" "${ml[@]}" run --json >"$out/run.json" || code=$?
ML_ASSETS_ENV="$own" "${ml[@]}" status --json >"$out/after.json"
"${python[@]}" "$here/comment.py" "$out" >"$out/comment.md"
exit "$code"
