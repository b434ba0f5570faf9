"""What does not belong in a home, in each place of it: ignored, named, or a clear error."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_assets.errors import HomeError
from ml_assets.store.home import Home
from ml_assets_tests.cli.shell import Site

FILES = ("locks", "state.db", "environments/dev/lock.json", "environments/dev/mlflow/home.txt")
FOLDERS = (
    *("landing", "objects", "environments", "environments/dev", "tmp"),
    *(f"environments/dev/{name}" for name in ("reports", "logs", "mlflow", "dagster")),
)
PLACES = ("", "landing", "objects", "objects/00", "environments", "environments/dev/reports")
"""Folders of a home in which anything may lie besides."""


def _file(path: Path) -> None:
    path.write_text("not ours")


def _nowhere(path: Path) -> None:
    path.symlink_to("/nonexistent/file")


def _round(path: Path) -> None:
    path.symlink_to(path.name)


def _self(path: Path) -> None:
    path.symlink_to(".")


KINDS: dict[str, Callable[[Path], None]] = {
    "a file": _file,
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to nowhere": _nowhere,
    "a link in a circle": _round,
    "a link to its own folder": _self,
}


def test_what_lies_in_a_folder_and_is_not_ours_is_left_alone(site: Site) -> None:
    strays: dict[Path, str] = {}
    (site.home / "objects" / "00").mkdir(exist_ok=True)
    for place in PLACES:
        for kind, make in KINDS.items():
            stray = site.home / place / f".{kind.replace(' ', '-')}"
            make(stray)
            strays[stray] = kind
    assert site.json("plan")["problems"] == []
    assert site.json("gc")["strays"] == []
    words = ("forget", "sales", "--key", "sale=3004", "--reason", "r", "--dry-run")
    # A folder without files holds no bytes.
    holding = {str(path) for path, kind in strays.items() if kind != "a folder"}
    assert set(site.json(*words)["foreign"]) == holding


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a link to nowhere"])
@pytest.mark.parametrize("place", FILES)
def test_what_stands_in_a_files_place_is_named(tmp_path: Path, place: str, kind: str) -> None:
    _refused(tmp_path, place, kind, "wanted a file; move it away")


@pytest.mark.parametrize("kind", ["a file", "a pipe", "a link to nowhere", "a link in a circle"])
@pytest.mark.parametrize("place", FOLDERS)
def test_what_stands_in_a_folders_place_is_named(tmp_path: Path, place: str, kind: str) -> None:
    _refused(tmp_path, place, kind, "wanted a folder; move it away")


def _refused(home: Path, place: str, kind: str, said: str) -> None:
    path = home / place
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[kind](path)
    with pytest.raises(HomeError) as caught:
        Home(home, "dev")
    assert str(caught.value).startswith(f"{path} is a ")
    assert str(caught.value).endswith(said)


def test_a_file_in_place_of_a_datasets_folder(site: Site, tmp_path: Path) -> None:
    folder = site.home / "landing" / "sales"
    folder.rename(tmp_path / "aside")
    folder.touch()
    source = tmp_path / "aside" / "sales-2020-01.csv"
    error = site.json("land", "sales", source, code=2)["error"]
    assert error == f"{folder} is a file; wanted a folder; move it away"
    (problem,) = site.json("plan")["problems"]
    assert problem.startswith(f"{folder}: cannot be inspected: Not a directory")


def _as_anybody() -> None:
    """Take from root, if it is root, the right to pass by the modes of files."""
    libc = ctypes.CDLL(None)
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)


@pytest.mark.parametrize(
    ("place", "mode", "words", "code", "said"),
    [
        ("landing/sales/sales-2020-09.csv", 0o000, "plan", 0, "cannot be read: Permission denied"),
        ("landing/sales", 0o000, "plan", 0, "landing/sales: cannot be inspected: Permission"),
        ("landing/sales", 0o500, "land sales FILE", 1, "Permission denied: "),
        ("objects/EMPTY", 0o000, "gc --dry-run", 0, "would free 0 objects"),
        ("environments/dev/reports", 0o500, "report forecast", 1, "Permission denied: "),
        ("environments/dev", 0o500, "gc", 1, "Permission denied: "),
        ("", 0o500, "plan", 2, "the home must be writable"),
    ],
)
def test_what_may_not_be_read_or_written_is_named(
    site: Site, tmp_path: Path, place: str, mode: int, words: str, code: int, said: str
) -> None:
    taken = {folder.name for folder in (site.home / "objects").iterdir()}
    path = site.home / place.replace("EMPTY", min({f"{n:02x}" for n in range(256)} - taken))
    if not path.exists():
        path.touch() if path.suffix else path.mkdir()
        os.utime(path, (1, 1))
    source = tmp_path / "sales-2020-10.csv"
    source.write_bytes(b"x")
    if words.startswith("report"):
        site("report", "forecast")
        next(path.glob("forecast-evaluation_report-*")).unlink()
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        asked = [str(source) if word == "FILE" else word for word in words.split()]
        deadline = time.monotonic() + 30
        while True:
            answer = site.process(*asked, code=code, before=_as_anybody)
            # A file that changed within the last seconds is not opened yet: its mode did.
            if said in answer.out + answer.err or time.monotonic() > deadline:
                break
        assert said in answer.out + answer.err
    finally:
        path.chmod(before)
