"""Transactions of the state database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from ml_assets.store.state import State, dump, insert_missing, meta, open_state
from ml_assets_tests import processes


def _keys(state: State) -> set[str]:
    with state.read() as db:
        return set(db.execute(select(meta.c.key)).scalars())


def _insert_and_fail(state: State) -> None:
    with state.write() as db:
        db.execute(insert(meta), [{"key": "a", "value": "1"}])
        raise ZeroDivisionError


def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path, state: str) -> None:
    opened = open_state(tmp_path, state)
    with pytest.raises(ZeroDivisionError):
        _insert_and_fail(opened)
    assert _keys(opened) == {"format"}
    with opened.write() as db:
        db.execute(insert(meta), [{"key": "a", "value": "1"}])
    assert _keys(opened) == {"format", "a"}
    opened.close()


def test_rows_that_are_there_stay(tmp_path: Path, state: str) -> None:
    opened = open_state(tmp_path, state)
    with opened.write() as db:
        insert_missing(db, meta, [])
        insert_missing(db, meta, [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])
        insert_missing(db, meta, [{"key": "a", "value": "3"}])
        assert db.execute(select(meta.c.value).where(meta.c.key == "a")).scalar() == "1"
    opened.close()


def test_all_that_is_read_at_once_is_of_one_moment(tmp_path: Path, state: str) -> None:
    opened = open_state(tmp_path, state)
    with opened.read() as db:
        keys = select(meta.c.key)
        before = set(db.execute(keys).scalars())
        with opened.write() as other:
            insert_missing(other, meta, [{"key": "a", "value": "1"}])
        assert set(db.execute(keys).scalars()) == before
    assert _keys(opened) == {*before, "a"}
    opened.close()


COUNT = """
import sys
from pathlib import Path
from sqlalchemy import select, update
from ml_assets.store.state import insert_missing, meta, open_state

state = open_state(Path(sys.argv[1]), sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(50):
    with state.write() as db:
        insert_missing(db, meta, [{"key": "n", "value": "0"}])
        mine = meta.c.key == "n"
        seen = int(db.execute(select(meta.c.value).where(mine)).scalar())
        db.execute(update(meta).where(mine).values(value=str(seen + 1)))
state.close()
"""


def test_what_a_transaction_read_stays_true_until_it_wrote(tmp_path: Path, state: str) -> None:
    """Two processes read a number and write the next one: none is lost, none fails."""
    processes.race(COUNT, [(tmp_path, state)] * 2)
    opened = open_state(tmp_path, state)
    with opened.read() as db:
        assert db.execute(select(meta.c.value).where(meta.c.key == "n")).scalar() == "100"
    opened.close()


def test_values_are_kept_as_sorted_json() -> None:
    assert dump({"b": 1, "a": "é"}) == '{"a": "é", "b": 1}'
