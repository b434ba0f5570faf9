"""What lies in a folder of people's: each thing is named, nothing is opened."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ml_assets.walk import below, entries, is_text, landing, look, shown

UNDECODABLE = os.fsdecode(b"sales-\xff.csv")


def _fill(folder: Path) -> None:
    (folder / "file").write_bytes(b"12")
    (folder / "link").symlink_to("file")
    (folder / "nowhere").symlink_to("/nonexistent/file")
    (folder / "circle").symlink_to("circle")
    (folder / "inside").mkdir()
    (folder / "round").symlink_to(".")
    os.mkfifo(folder / "pipe")
    (folder / UNDECODABLE).write_bytes(b"1")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))


def test_each_thing_is_said_and_none_opened(tmp_path: Path) -> None:
    _fill(tmp_path)
    assert {entry.path.name: entry.odd for entry in entries(tmp_path)} == {
        "file": "",
        "link": "",
        "nowhere": "is a link to /nonexistent/file, which does not exist",
        "circle": "is a circular link",
        "inside": "is a folder, not a file",
        "round": "is a folder, not a file",
        "pipe": "is a pipe, not a file",
        "socket": "is a socket, not a file",
        UNDECODABLE: "its name is not UTF-8",
    }
    null = look(Path("/dev/null"))
    assert null is not None
    assert null.odd == "is a device, not a file"


def test_what_is_not_there_and_what_cannot_be_listed(tmp_path: Path) -> None:
    assert entries(tmp_path / "nowhere") == []
    assert look(tmp_path / "nowhere") is None
    (tmp_path / "file").touch()
    assert look(tmp_path / "file" / "under") is None
    (found,) = entries(tmp_path / "file")
    assert (found.path, found.odd) == (
        tmp_path / "file",
        "cannot be inspected: Not a directory",
    )


def test_a_landing_folder_is_two_levels_deep_and_the_rest_has_no_end(tmp_path: Path) -> None:
    inside = tmp_path / "sales" / "inside"
    inside.mkdir(parents=True)
    (inside / "deep").touch()
    (tmp_path / "elsewhere").symlink_to("sales")
    (tmp_path / "sales" / "round").symlink_to(".")
    (tmp_path / "file").touch()
    assert [str(e.path.relative_to(tmp_path)) for e in landing(tmp_path)] == [
        *("elsewhere/inside", "elsewhere/round"),
        *("sales/inside", "sales/round"),
    ]
    assert [str(e.path.relative_to(tmp_path)) for e in below(tmp_path)] == [
        *("elsewhere", "file", "sales/inside/deep", "sales/round"),
    ]


def test_a_stamp_moves_with_content_and_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    stamps = []
    for change in (file.touch, lambda: file.write_bytes(b"1"), lambda: os.utime(file, (1, 1))):
        change()
        (entry,) = entries(tmp_path)
        stamps.append(entry.stamp)
    assert len(set(stamps)) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (UNDECODABLE, r"sales-\xff.csv"),
        ("a\nb\x1b[31m", r"a\nb\x1b[31m"),
        ("März 日.csv", "März 日.csv"),
    ],
)
def test_names_are_shown_as_people_can_read_them(name: str, said: str) -> None:
    assert shown(name) == said
    assert is_text(name) == (name != UNDECODABLE)
