"""A sample of a large file: whole records, from everywhere."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.guess import sample
from ml_assets.guess.profile import FileDialect
from ml_assets.guess.propose import proposed
from ml_assets.guess.sample import records_of, sampled

CSV = FileDialect("csv")


@pytest.mark.parametrize(
    ("block", "inside", "first", "records"),
    [
        (b"half\nb,2\nc,3\nd", False, False, b"b,2\nc,3\n"),
        (b"a,1\nb,2\nc", False, True, b"a,1\nb,2\n"),
        # A line end between quotes ends no record.
        (b'half"\nb,"x\ny"\nc,"un\n', True, False, b'b,"x\ny"\n'),
        (b"within\na text\n", True, False, b""),
        (b"no end", False, False, b""),
    ],
)
def test_only_whole_records_are_kept(
    block: bytes, inside: bool, first: bool, records: bytes
) -> None:
    assert records_of(block, b'"', inside, first) == records


@given(
    st.lists(st.text('ab",\n', max_size=4), min_size=1, max_size=30),
    st.integers(0, 60),
    st.integers(1, 60),
)
def test_a_block_anywhere_holds_records_of_the_table(
    values: list[str], start: int, length: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(
        [str(place), value] for place, value in enumerate(values)
    )
    whole = text.getvalue().encode()
    inside = whole[:start].count(b'"') % 2 == 1
    records = records_of(whole[start : start + length], b'"', inside, first=start == 0)
    rows = list(csv.reader(io.StringIO(records.decode(), newline="")))
    assert all(values[int(place)] == value for place, value in rows)


def lines(count: int) -> bytes:
    return b"id,note\n" + b"".join(b'%06d,"a\nb"\n' % number for number in range(count))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_large_file_is_sampled_evenly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compressed: bool
) -> None:
    # 10,000 records of 13 bytes, of which 8 kB in eight places are taken.
    monkeypatch.setattr(sample, "WHOLE", 8_000)
    monkeypatch.setattr(sample, "BLOCKS", 8)
    path = tmp_path / "t.csv"
    path.write_bytes(gzip.compress(lines(10_000)) if compressed else lines(10_000))
    text = sampled(path, FileDialect("csv", compressed))
    assert text is not None
    header, *rows = list(csv.reader(io.StringIO(text.decode(), newline="")))
    assert header == ["id", "note"]
    assert {note for _, note in rows} == {"a\nb"}
    places = [int(number) for number, _ in rows]
    assert places == sorted(set(places))
    assert {place // 1_250 for place in places} == set(range(8))
    assert 7_500 < len(text) <= 8_000


def test_a_small_file_is_taken_whole(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(lines(3))
    assert sampled(path, CSV) == lines(3)


def test_a_large_file_without_line_ends_is_taken_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "WHOLE", 1_000)
    path = tmp_path / "t.csv"
    path.write_bytes(b"x" * 5_000)
    assert sampled(path, CSV) == b"x" * 5_000
    monkeypatch.setattr(sample, "LARGEST", 4_999)
    assert sampled(path, CSV) is None


def test_what_a_sample_cannot_show_the_profile_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial sees a sample, the profile all rows: a repeated key far down is no key."""
    monkeypatch.setattr(sample, "WHOLE", 1_000)
    monkeypatch.setattr(sample, "BLOCKS", 2)
    path = tmp_path / "t.csv"
    rows = [f"{number},{number % 7}" for number in range(2_000)]
    rows[1_200] = "1199,3"
    path.write_text("\n".join(["id,x", *rows, ""]))
    found = proposed("t", [path])
    assert found.trial is not None
    assert found.trial.landed < 200
    assert found.profile.rows == 2_000
    assert not found.profile.columns[0].unique
