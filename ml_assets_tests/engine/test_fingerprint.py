"""The cheap fingerprint: it moves with all that a plan depends on."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_assets.engine.fingerprint import changing, fingerprint, sources
from ml_assets.workspace import PACKAGE, locate
from ml_assets_tests.projects import Toy


def _touch(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _moved(toy: Toy) -> Callable[[], bool]:
    """Return what tells whether a project's fingerprint moved since it was last asked."""
    planner = toy.planner()
    seen = [fingerprint(planner.workspace, planner.home)]

    def moved() -> bool:
        seen.append(fingerprint(planner.workspace, planner.home))
        return seen[-1] != seen[-2]

    return moved


def test_it_moves_with_sources_specs_landing_and_state(toy: Toy) -> None:
    planner = toy.planner()
    home, defs = planner.home, planner.workspace.defs
    moved = _moved(toy)
    assert not moved()
    _touch(defs / "forecast" / "features.py", "# edited\n")
    assert moved()
    _touch(toy.root / "toy" / "shared" / "holidays.py", "# a module outside defs\n")
    assert moved()
    _touch(defs / "sales" / "defs.yaml", "# edited\n")
    assert moved()
    _touch(home.landing / "sales" / "sales-2020-01.csv", "x")
    assert moved()
    home.batches.land("sales", "2020-01", "d1:00", "x")
    assert moved()
    home.batches.withdraw("dev", "sales", "2020-01", "r")
    assert moved()
    stored = home.objects.put(b"x").digest
    assert moved()
    home.objects.forget(stored)
    assert moved()
    home.pins.keep("dev", {"reference/sales": ["2020-01"]})
    assert moved()
    _touch(defs / "forecast" / "notes.txt", "x")
    assert not moved()


def test_it_moves_with_what_is_current_and_shown_here(made: Toy) -> None:
    records = made.planner().home.records
    moved = _moved(made)
    records.mark_all_unpublished("prod")
    assert not moved()
    records.mark_all_unpublished("dev")
    assert moved()
    made.publish()
    assert moved()


def test_it_moves_with_a_library_and_with_python(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, folder = tmp_path / "python", tmp_path / "site-packages"
    _touch(python, "3.11.7")
    _touch(folder / "pandas-2.2.2.dist-info" / "METADATA", "")
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    moved = _moved(toy)
    assert not moved()
    (folder / "pandas-2.2.2.dist-info").rename(folder / "pandas-2.2.3.dist-info")
    assert moved()
    _touch(python, "3.11.8")
    assert moved()
    python.unlink()
    assert moved()


def test_it_moves_with_the_variables_that_say_where_state_lives(toy: Toy) -> None:
    home = toy.planner().home
    one = locate(toy.root, {})
    other = locate(toy.root, {"ML_ASSETS_OBJECTS": "s3://bucket/objects"})
    assert fingerprint(one, home) == fingerprint(locate(toy.root, {}), home)
    assert fingerprint(one, home) != fingerprint(other, home)


def test_what_leads_nowhere_is_no_source_and_breaks_nothing(toy: Toy) -> None:
    planner = toy.planner()
    landing, defs = planner.home.landing / "sales", planner.workspace.defs
    landing.mkdir(parents=True)
    moved = _moved(toy)
    lock = defs / "forecast" / ".#features.py"
    lock.symlink_to("someone@somewhere.1234")
    assert str(lock) not in dict(sources(planner.workspace))
    assert not moved()
    for name, target in {"a.csv": "/nonexistent", ".lock": ".", "b.csv": "b.csv"}.items():
        (landing / name).symlink_to(target)
        assert moved()
    os.mkfifo(landing / "pipe.csv")
    assert moved()
    _touch(landing / os.fsdecode(b"sales-\xff.csv"), "x")
    assert moved()


def test_a_linked_folder_of_sources_is_looked_into_once(toy: Toy, tmp_path: Path) -> None:
    _touch(tmp_path / "shared" / "holidays.py", "")
    (tmp_path / "shared" / "again").symlink_to(tmp_path / "shared")
    link = toy.root / "toy" / "shared"
    link.symlink_to(tmp_path / "shared")
    moved = _moved(toy)
    found = [path for path, _ in sources(toy.workspace()) if path.startswith(str(link))]
    assert found == [str(link / "holidays.py")]
    _touch(tmp_path / "shared" / "holidays.py", "EASTER = 1\n")
    assert moved()


def test_what_the_package_ships_beside_its_sources_counts(toy: Toy) -> None:
    shipped = dict(sources(toy.workspace()))
    assert str(PACKAGE / "stages" / "release" / "scoring" / "lightgbm.txt") in shipped
    assert not [path for path in shipped if path.endswith(".pyc")]


def test_what_was_changed_a_moment_ago(toy: Toy) -> None:
    path = toy.root / "toy" / "defs" / "forecast" / "helpers.py"
    _touch(path, "# edited\n")
    assert changing(toy.workspace(), 600.0) is not None
    assert changing(toy.workspace(), 0.0) is None
    # A clock that was wrong does not keep the sensor waiting for years.
    before = time.time()
    for file, _ in sources(toy.workspace()):
        if file.startswith(str(toy.root)):
            os.utime(file, (before, before + 1e9))
    assert changing(toy.workspace(), 0.0) is None
