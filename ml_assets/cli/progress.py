"""A live view of a run: what is being made, and counts and seconds of each asset."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.live import Live as RichLive
from rich.table import Table

from ml_assets.assets.cells import Unit
from ml_assets.cli.console import err
from ml_assets.engine.make import Progress
from ml_assets.engine.plan import Plan

PATIENCE = 2.0
"""Seconds after which a message states what the command is doing."""


@contextmanager
def working(what: str, patience: float = PATIENCE) -> Iterator[None]:
    """Report on stderr what takes longer than `patience` seconds; a spinner on a terminal."""
    status = err.status(what)

    def tell() -> None:
        if err.is_terminal:
            status.start()
        else:
            err.print(f"{what} …")

    timer = threading.Timer(patience, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


class Live:
    """Live progress on a terminal; elsewhere, one line for each finished asset."""

    def __init__(self, plan: Plan) -> None:
        self._total: dict[str, int] = defaultdict(int)
        for item in plan.cells:
            if item.status in ("run", "maybe") or item.publish:
                self._total[item.cell.asset] += 1
        self._counts: dict[str, dict[str, int]] = {asset: defaultdict(int) for asset in self._total}
        self._seconds: dict[str, float] = defaultdict(float)
        self._now: tuple[str, float] | None = None
        """What is being made, and since when."""
        self._live = RichLive(
            console=err, refresh_per_second=8, transient=False, get_renderable=self._table
        )
        self._terminal = err.is_terminal

    def __enter__(self) -> Live:
        if self._terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._live.stop()

    def begin(self, unit: Unit, part: str) -> None:
        """Show what is being made."""
        self._now = (f"{unit.cells()[0]}: {part}", time.monotonic())

    def tell(self, progress: Progress) -> None:
        """Count one finished cell."""
        asset = progress.cell.asset
        counts = self._counts.setdefault(asset, defaultdict(int))
        counts[progress.state] += 1
        self._seconds[asset] += progress.seconds
        self._now = None
        if not self._terminal and sum(counts.values()) == self._total.get(asset, 0):
            err.print(f"{asset}: {_said(counts)}, {self._seconds[asset]:.1f} s")

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, caption=self._making(), caption_justify="left")
        for title in ("asset", "batches", "executed", "reused", "failed", "seconds"):
            table.add_column(title, justify="left" if title == "asset" else "right")
        for asset, counts in self._counts.items():
            made = sum(counts.values())
            table.add_row(
                asset,
                f"{made}/{max(self._total.get(asset, 0), made)}",
                *(str(counts[s] or "") for s in ("executed", "reused", "failed")),
                f"{self._seconds[asset]:.1f}" if made else "",
            )
        return table

    def _making(self) -> str | None:
        if self._now is None:
            return None
        what, since = self._now
        return f"making {what}, {time.monotonic() - since:.0f} s"


def _said(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items() if number)
