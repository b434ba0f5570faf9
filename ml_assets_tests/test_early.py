"""A run's second process before the run: started where something large is new, else not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_assets import early


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ML_ASSETS_HOME", str(tmp_path))
    monkeypatch.delenv("ML_ASSETS_ENV", raising=False)
    (tmp_path / "landing" / "sales").mkdir(parents=True)
    return tmp_path


def _land(home: Path, name: str, size: int = early.LARGE) -> None:
    (home / "landing" / "sales" / name).write_bytes(bytes(size))


def _end_a_run(home: Path, at: float) -> None:
    history = home / "environments" / "dev" / "dagster" / "history"
    history.mkdir(parents=True, exist_ok=True)
    (history / "runs.db").touch()
    os.utime(history / "runs.db", (at, at))


def test_only_what_is_large_and_newer_than_the_last_run_counts(home: Path) -> None:
    assert not early.landed(home / "nowhere", "dev")
    _land(home, "small.csv", 10)
    assert not early.landed(home, "dev")
    _land(home, "large.csv")
    changed = (home / "landing" / "sales" / "large.csv").stat().st_ctime
    assert early.landed(home, "dev")
    _end_a_run(home, changed + 1)
    assert not early.landed(home, "dev")
    assert early.landed(home, "prod")
    _end_a_run(home, changed - 1)
    assert early.landed(home, "dev")


def test_links_to_nowhere_and_in_a_circle_are_passed_by(home: Path) -> None:
    (home / "landing" / "round").symlink_to(".")
    (home / "landing" / "sales" / ".lock").symlink_to("/nonexistent")
    (home / "landing" / "sales" / "inside").mkdir()
    (home / "landing" / "sales" / "inside" / "x").symlink_to("/nonexistent")
    assert not early.landed(home, "dev")
    _land(home, "large.csv")
    assert early.landed(home, "dev")


@pytest.mark.parametrize(
    "words", [["plan"], ["run", "--force"], ["run", "--verify"], ["run", "--help"], []]
)
def test_a_command_that_does_not_use_it_starts_nothing(home: Path, words: list[str]) -> None:
    _land(home, "large.csv")
    early.begin(words)
    assert early.taken() is None


def test_it_is_taken_once_and_ends_with_its_pipe(home: Path) -> None:
    _land(home, "large.csv")
    early.begin(["run", "--json"])
    process = early.taken()
    assert process is not None
    assert early.taken() is None
    out, _ = process.communicate()
    assert (process.returncode, out) == (0, None)


def test_what_nobody_takes_is_ended(home: Path) -> None:
    _land(home, "large.csv")
    early.begin(["run"])
    (process,) = early._waiting
    early.drop()
    assert process.returncode == -9
    assert early.taken() is None
