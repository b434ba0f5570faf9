#!/usr/bin/env bash
# Attach bundles to a GitHub release each, named by the bundle; one that is there is left alone.
#
#   scripts/attach.sh FOLDER
#
# A bundle's archive has the same bytes for the same champion, so a second start adds nothing.
# GH says what to call instead of `gh`, COMMIT which commit a new tag names.
set -euo pipefail

folder="${1:?usage: scripts/attach.sh FOLDER}"
read -ra gh <<<"${GH:-gh}"
shopt -s nullglob
for archive in "$folder"/*.zip "$folder"/*.tar.gz; do
  tag="$(basename "$archive")"
  tag="${tag%.zip}"
  tag="${tag%.tar.gz}"
  if "${gh[@]}" release view "$tag" >/dev/null 2>&1; then
    echo "$tag is attached already"
    continue
  fi
  "${gh[@]}" release create "$tag" "$archive" --target "${COMMIT:-HEAD}" --title "$tag" \
    --notes "Verified bundle; check it with: ml-assets verify $(basename "$archive")"
done
