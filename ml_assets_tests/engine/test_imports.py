"""Importing what units to come need."""

from __future__ import annotations

import gc
import sys

import pytest

from ml_assets import startup
from ml_assets.engine.imports import Imports, libraries_of


def test_libraries_are_imported_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("colorsys", "stringprep"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    ahead = Imports(["stringprep", "colorsys"])
    assert ahead.one() is True
    assert "stringprep" in sys.modules
    assert "colorsys" not in sys.modules
    assert ahead.one() is True
    assert "colorsys" in sys.modules
    assert ahead.one() is False


def test_units_need_libraries_in_the_order_of_a_run() -> None:
    found = libraries_of(["release", "candidate", "batch"])
    assert found == ["pandera.pandas", "sklearn.linear_model", "lightgbm"]


def test_no_garbage_is_collected_while_importing_nor_what_was_imported_after() -> None:
    frozen = gc.get_freeze_count()
    try:
        with startup.importing():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
