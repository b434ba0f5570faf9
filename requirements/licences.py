"""Write what licence each package of the given locks has, by the metadata installed here.

python requirements/licences.py LOCK… > licences.json
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import metadata
from pathlib import Path

from ml_assets.stages.release.supply import pins


def licence(name: str, version: str) -> str:
    """Return a package's SPDX expression, or else the name that it gives its licence."""
    told = metadata(name)
    if told["Version"] != version:
        raise SystemExit(f"{name} {told['Version']} is installed, the lock has {version}: `make`")
    text = told["License-Expression"] or told["License"] or ""
    if text and "\n" not in text:
        return text
    named = [item for item in told.get_all("Classifier") or () if item.startswith("License ::")]
    if not named:
        raise SystemExit(f"{name} {version} does not say its licence")
    return named[0].rpartition(" :: ")[2]


def main() -> None:
    """Print the document."""
    found = {
        name: licence(name, version)
        for lock in sys.argv[1:]
        for name, version, _ in pins(Path(lock).read_text(encoding="utf-8"))
    }
    sys.stdout.write(json.dumps(found, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
