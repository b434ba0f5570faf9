"""What a run shows while it works."""

from __future__ import annotations

import io

from rich.console import Console

from ml_assets.assets.cells import Cell, Unit
from ml_assets.cli.progress import Live
from ml_assets.engine.make import Progress
from ml_assets.engine.plan import Plan


def shown(live: Live) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(live._table())
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_what_is_being_made_is_shown_until_it_is_made() -> None:
    live = Live(Plan([]))
    live.begin(Unit("late", "candidate"), "fit:linear")
    assert "making late/candidate: fit:linear, 0 s" in shown(live)
    live.tell(Progress(Cell("late/candidate"), "executed", 1.0))
    assert "late/candidate 1/1 1 1.0" in shown(live)
    assert "making" not in shown(live)
