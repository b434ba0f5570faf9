"""The cheap fingerprint: it moves with all that a plan depends on."""

from __future__ import annotations

import os
from pathlib import Path

from ml_assets.plan.fingerprint import fingerprint, sources, youngest_source
from ml_assets_tests.projects import Toy


def _touch(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_it_moves_with_sources_specs_landing_and_state(toy: Toy) -> None:
    planner = toy.planner()
    home, defs = planner.home, planner.workspace.defs
    seen = [fingerprint(planner.workspace, home)]

    def moved() -> bool:
        seen.append(fingerprint(planner.workspace, home))
        return seen[-1] not in seen[:-1]

    assert not moved()
    seen.pop()
    _touch(defs / "forecast" / "features.py", "# edited\n")
    assert moved()
    _touch(defs / "sales" / "defs.yaml", "# edited\n")
    assert moved()
    _touch(home.landing / "sales" / "sales-2020-01.csv", "x")
    assert moved()
    home.batches.land("sales", "2020-01", "d1:00", "x")
    assert moved()
    home.batches.withdraw("dev", "sales", "2020-01", "r")
    assert moved()
    _touch(defs / "forecast" / "notes.txt", "x")
    assert not moved()


def test_it_moves_with_what_is_current_and_shown_here(made: Toy) -> None:
    planner = made.planner()
    records = planner.home.records
    first = fingerprint(planner.workspace, planner.home)
    records.mark_all_unpublished("prod")
    assert fingerprint(planner.workspace, planner.home) == first
    records.mark_all_unpublished("dev")
    assert fingerprint(planner.workspace, planner.home) != first


def test_an_editors_lock_is_no_source(toy: Toy) -> None:
    planner = toy.planner()
    before = fingerprint(planner.workspace, planner.home)
    lock = planner.workspace.defs / "forecast" / ".#features.py"
    lock.symlink_to("someone@somewhere.1234")
    assert lock not in set(sources(planner.workspace))
    assert fingerprint(planner.workspace, planner.home) == before


def test_the_youngest_source(toy: Toy) -> None:
    path = toy.root / "toy" / "defs" / "forecast" / "helpers.py"
    path.write_text("# edited\n")
    assert youngest_source(toy.workspace()) == path.stat().st_mtime


def test_what_is_no_file_in_landing_moves_it_and_does_not_end_it(toy: Toy) -> None:
    planner = toy.planner()
    folder = planner.home.landing / "sales"
    folder.mkdir(parents=True)
    seen = {fingerprint(planner.workspace, planner.home)}
    (folder / ".lock").symlink_to("/nonexistent")
    seen.add(fingerprint(planner.workspace, planner.home))
    (folder.parent / "round").symlink_to(".")
    seen.add(fingerprint(planner.workspace, planner.home))
    (folder / os.fsdecode(b"\xff")).touch()
    seen.add(fingerprint(planner.workspace, planner.home))
    assert len(seen) == 4
