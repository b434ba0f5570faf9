"""Transactions of the state database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert, select

from ml_assets.store.state import State, dump, insert_missing, meta, open_state


def _keys(state: State) -> set[str]:
    with state.read() as db:
        return set(db.execute(select(meta.c.key)).scalars())


def _insert_and_fail(state: State) -> None:
    with state.write() as db:
        db.execute(insert(meta), [{"key": "a", "value": "1"}])
        raise ZeroDivisionError


def test_a_transaction_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    with pytest.raises(ZeroDivisionError):
        _insert_and_fail(state)
    assert _keys(state) == {"format"}
    with state.write() as db:
        db.execute(insert(meta), [{"key": "a", "value": "1"}])
    assert _keys(state) == {"format", "a"}
    state.close()


def test_rows_that_are_there_stay(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    with state.write() as db:
        insert_missing(db, meta, [])
        insert_missing(db, meta, [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])
        insert_missing(db, meta, [{"key": "a", "value": "3"}])
        assert db.execute(select(meta.c.value).where(meta.c.key == "a")).scalar() == "1"
    state.close()


def test_values_are_kept_as_sorted_json() -> None:
    assert dump({"b": 1, "a": "é"}) == '{"a": "é", "b": 1}'
