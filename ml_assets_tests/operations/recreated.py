"""A toy project with a history: three versions, made by two states of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_assets_tests.projects import MONTHS, Toy, copied

EDIT = ("toy/defs/forecast/helpers.py", ".astype(float)", ".astype(float).pow(2.0)")


@contextmanager
def project_with_history(original: Toy, root: Path) -> Iterator[Toy]:
    """v0 of six months, v1 of seven by other code, v2 without the second month."""
    with copied(original, root) as toy:
        toy.land_all(["2020-07"])
        toy.edit(*EDIT)
        assert toy.make().faults == []
        home = toy.planner().home
        home.batches.withdraw("dev", "sales", MONTHS[1], "wrong")
        assert toy.make().faults == []
        assert [v.number for v in home.records.versions("forecast/candidate")] == [0, 1, 2]
        yield toy
