"""Segments: whole lines only, a lock for as long as the writer lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.store.segments import (
    Writer,
    alone,
    ask_to_roll,
    asked_to_roll,
    claimed,
    framed,
    records,
    segments,
    sweep,
)

DAY = "2026-03-01"


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b""))), st.data())
def test_a_cut_anywhere_leaves_the_whole_records_before_it(
    written: list[bytes], data: st.DataObject
) -> None:
    lines = [framed(record) for record in written]
    content = b"".join(lines)
    cut = data.draw(st.integers(0, len(content)))
    whole, size = 0, 0
    while whole < len(lines) and size + len(lines[whole]) <= cut:
        size += len(lines[whole])
        whole += 1
    assert list(records(content[:cut])) == written[:whole]


def test_a_changed_byte_damages_one_record() -> None:
    content = bytearray(framed(b'{"a": 1}') + framed(b'{"b": 2}'))
    content[10] ^= 1
    assert list(records(bytes(content))) == [None, b'{"b": 2}']


def test_a_segment_is_another_process_to_claim_once_it_is_closed(tmp_path: Path) -> None:
    writer = Writer(tmp_path, DAY)
    writer.append(framed(b"{}"))
    with claimed(writer.path) as ended:
        assert not ended
    writer.close()
    with claimed(writer.path) as ended:
        assert ended
    (found,) = segments(tmp_path)
    assert (found.day, found.size) == (DAY, 12)
    assert (found.path.stat().st_mode & 0o777, found.path.read_bytes()) == (0o600, framed(b"{}"))


def test_an_empty_segment_leaves_nothing(tmp_path: Path) -> None:
    Writer(tmp_path, DAY).close()
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_in_the_middle_leaves_nothing_of_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(tmp_path, DAY)
    writer.append(framed(b"{}"))
    real = os.write
    room = [5]

    def short(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = real(file, data[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space left"):
        writer.append(framed(b'{"long": true}'))
    monkeypatch.undo()
    writer.append(framed(b"[]"))
    writer.close()
    assert list(records(writer.path.read_bytes())) == [b"{}", b"[]"]


def test_what_a_killed_process_was_opening_is_swept(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef.new").touch()
    (tmp_path / "note").touch()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_one_seals_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path) as first, alone(tmp_path, wait=False) as second:
        assert (first, second) == (True, False)
    with alone(tmp_path, wait=False) as third:
        assert third


def test_asking_to_roll_is_seen_each_time(tmp_path: Path) -> None:
    assert asked_to_roll(tmp_path) == 0
    ask_to_roll(tmp_path)
    first = asked_to_roll(tmp_path)
    os.utime(tmp_path / "roll", ns=(1, first - 1))
    ask_to_roll(tmp_path)
    assert asked_to_roll(tmp_path) >= first
