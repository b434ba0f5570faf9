"""`ml-assets` and `python -m ml_assets`: the command, with a run's second process begun first."""

from __future__ import annotations

import sys

from ml_assets import early
from ml_assets.importing import importing


def main() -> None:
    """Run the command that the process' words ask for."""
    early.begin(sys.argv[1:])
    with importing():
        from ml_assets.cli.main import app

    app(prog_name="ml-assets")


if __name__ == "__main__":
    main()
