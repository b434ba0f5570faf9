"""A withdrawn batch is empty, and adds up."""

from __future__ import annotations

from ml_assets.stages.check import row_accounting
from ml_assets.stages.schema import QUARANTINE
from ml_assets.stages.withdraw import withdrawn
from ml_assets_tests.handles import given
from ml_assets_tests.stages.batches import clean_spec


def test_empty_tables_of_the_right_shape() -> None:
    found = withdrawn(clean_spec()).outputs
    assert found["raw"].column_names == ["_line", "number", "name"]
    assert found["cleaned"].num_rows == 0
    assert found["quarantine"].schema == QUARANTINE
    assert found["summary"]["withdrawn"] is True
    handles = {name: given(found[name]) for name in ("summary", "cleaned", "quarantine")}
    assert row_accounting.check(clean_spec(), **handles).checks[0].passed
