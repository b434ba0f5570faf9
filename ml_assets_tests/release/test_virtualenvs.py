"""Environments of locks: whole or not there, used again, made again when they are damaged."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml_assets.errors import BundleError
from ml_assets.release.virtualenvs import LISTING, environment, folder

EMPTY = b"# nothing\n"
UNKNOWN = b"ml-assets-nowhere==1 --hash=sha256:" + b"0" * 64 + b"\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


def test_made_once_by_whoever_comes_first_and_again_when_it_is_damaged() -> None:
    with ThreadPoolExecutor(2) as two:
        first, second = two.map(environment, [EMPTY, EMPTY])
    assert first == second
    place = Path(first).parent.parent
    said = subprocess.run([first, "-I", "-B", "-c", "import pip"], capture_output=True, check=False)
    assert b"No module named 'pip'" in said.stderr
    made = place.stat().st_ino, (place / LISTING).stat().st_mtime_ns
    assert environment(EMPTY) == first
    assert (place.stat().st_ino, (place / LISTING).stat().st_mtime_ns) == made
    (place / "requirements.txt").write_bytes(b"# another\n")
    assert environment(EMPTY) == first
    assert (place / "requirements.txt").read_bytes() == EMPTY
    (place / LISTING).unlink()
    place.with_suffix(".new").mkdir()
    assert environment(EMPTY) == first
    assert (place / LISTING).exists()
    assert not place.with_suffix(".new").exists()


def test_what_cannot_be_installed_leaves_nothing_behind() -> None:
    with pytest.raises(BundleError, match="No matching distribution found for ml-assets-nowhere"):
        environment(UNKNOWN)
    assert [path.suffix for path in folder().iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BundleError, match="file/ml_assets"):
        environment(EMPTY)
