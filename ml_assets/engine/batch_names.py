"""Which names batches may have, given file, calendar and other batches.

Belongs here: names. Does not belong here: their order (`spec/calendar`), landing files.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import Any

from ml_assets.spec.calendar import spelled
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import Project
from ml_assets.store.home import Home

RESERVED = "/\\@,"
LONGEST = 100


def batch_of(spec: DatasetSpec, name: str) -> str | None:
    """Return the batch in a file's name (empty for a snapshot), or None if there is none.

    Names are normalized, since macOS writes accents as separate characters.
    """
    match = re.fullmatch(spelled(spec.landing.pattern), spelled(name))
    return None if match is None else match.groupdict().get("batch") or ""


def unfit(batch: str) -> str | None:
    """Return why a name is invalid and what is allowed, or None.

    Names are used in addresses (`sales/cleaned@2013-03`), in lists, and in file names.
    """
    hidden = any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in batch)
    size = len(batch.encode("utf-8", "surrogatepass"))
    good = batch and batch == batch.strip() and batch[0] != "." and "..." not in batch
    if good and not hidden and size <= LONGEST and not set(batch) & set(RESERVED):
        return None
    shown = batch if size <= LONGEST else f"{batch[:40]}…"
    return (
        f"invalid batch name {shown!r}: wanted 1 to {LONGEST} bytes without "
        f"{' '.join(RESERVED)} ... control characters, a leading dot, or leading or trailing spaces"
    )


class Names:
    """The names of batches on a project's calendars, one for each place.

    `1` and `01` are the same place, so only the first of them is accepted: the other would be
    a second batch of the same month. A withdrawn batch frees its place.
    """

    def __init__(self, home: Home, project: Project) -> None:
        self._project = project
        self._taken: dict[tuple[str, Any], set[str]] = defaultdict(set)
        self._landed = home.batches.landed()
        withdrawn = home.batches.withdrawn(home.env)
        for (dataset, batch), items in self._landed.items():
            out = withdrawn.get((dataset, batch))
            if dataset in project.datasets and (out is None or items[0].id > out.upto):
                self.add(dataset, batch)

    def add(self, dataset: str, batch: str) -> None:
        """Add a batch at its place."""
        calendar = self._project.datasets[dataset].calendar
        if calendar is not None:
            self._taken[calendar.name, calendar.place(batch)].add(batch)

    def problem(self, dataset: str, batch: str) -> str | None:
        """Return why a batch cannot have this name, and what to do, or None."""
        calendar = self._project.datasets[dataset].calendar
        if calendar is None:
            return None
        wrong = unfit(batch)
        # A batch that landed under an older rule keeps its name.
        if wrong is not None and (dataset, batch) not in self._landed:
            return wrong
        if not calendar.matches(batch):
            return (
                f"batch {batch!r} does not match {calendar.wanted} of calendar "
                f"{calendar.name}; rename the file, or change the calendar in defs.yaml"
            )
        others = self._taken.get((calendar.name, calendar.place(batch)), set())
        if not others or batch in others:
            return None
        other = min(others)
        return (
            f"batch {batch!r} is the same place as {other!r} on calendar {calendar.name}; name it "
            f"{other!r}, or withdraw {other!r} first"
        )
