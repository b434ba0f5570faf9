"""The project and home that a command works on; the home is closed as the command ends.

Left open, it would keep files and locks for as long as the process lives.
"""

from __future__ import annotations

from contextlib import ExitStack

from ml_assets.plan.plan import Planner, planner_here

homes = ExitStack()
"""Entered by each command; at its end every home that it opened is closed."""


def opened() -> Planner:
    """Return a planner for the project around the current folder, open until the command ends."""
    planner = planner_here()
    homes.callback(planner.home.close)
    return planner
