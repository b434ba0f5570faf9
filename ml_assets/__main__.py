"""`ml-assets` and `python -m ml_assets`: the command line, imported quickly."""

from __future__ import annotations

from ml_assets.startup import importing


def main() -> None:
    """Run the command that the process' words ask for."""
    with importing():
        from ml_assets.cli.main import app

    app(prog_name="ml-assets")


if __name__ == "__main__":
    main()
