"""The clock: the machine's, or one that is moved by a file."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_assets import clock
from ml_assets.errors import RequestError

JULY = datetime(2013, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the file of a clock that all read."""
    monkeypatch.setenv(clock.CLOCK, str(tmp_path / "clock"))
    return tmp_path / "clock"


def test_without_a_file_it_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.CLOCK, raising=False)
    assert abs(clock.now() - datetime.now(UTC)) < SECOND


def test_it_is_the_time_in_the_file_and_runs_on(file: Path) -> None:
    clock.move(file, JULY)
    written = time.time() - 3600
    os.utime(file, (written, written))
    assert timedelta(0) <= clock.now() - (JULY + timedelta(hours=1)) < 5 * SECOND
    # A file of the future, as of a machine whose clock was set back, has not begun to run.
    ahead = time.time() + 3600
    os.utime(file, (ahead, ahead))
    assert clock.now() == JULY


def test_it_can_be_moved_back_and_a_time_without_a_zone_is_utc(file: Path) -> None:
    clock.move(file, JULY)
    clock.move(file, JULY - timedelta(days=30))
    assert clock.now() < JULY
    file.write_text("2013-01-01\n")
    assert clock.now().isoformat()[:16] == "2013-01-01T00:00"


def test_a_file_without_a_time_is_named(file: Path) -> None:
    for content in ("", "noon", None):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        with pytest.raises(RequestError, match="wanted a file with a time such as 2013-07-01T12"):
            clock.now()
