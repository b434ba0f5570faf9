"""What a site says before the first round."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.federated.statement import blocks, stated
from ml_assets.spec.model import FeatureColumn

ABOUT = {
    "age": FeatureColumn(type="number", unit="y"),
    "ward": FeatureColumn(type="category"),
    "urgent": FeatureColumn(type="boolean"),
}


def _said(least: int = 5, **hidden: object) -> dict:
    draw = np.random.default_rng(1)
    age = draw.uniform(0, 90, 400).round(3)
    age[0] = 98765.0
    ward = ["a", "b"] * 198 + ["rare"] * 4
    target = age * 2
    target[1] = -54321.0
    table = pa.table({"age": age, "ward": ward, "urgent": [True, False, None, True] * 100})
    return stated(table, target, ABOUT, task="regression", least=least, **hidden)


def test_extremes_and_rare_values_are_not_told() -> None:
    said = _said()
    assert set(said["columns"]) == {"age", "ward", "urgent"}
    ages = said["columns"]["age"]["blocks"]
    assert 80 < max(mean for mean, _ in ages) < 91
    assert [value for value, *_ in said["columns"]["ward"]["values"]] == ["a", "b"]
    assert said["columns"]["urgent"]["values"] == [[0.0, 0.3333], [1.0, 0.6667]]
    assert min(mean for mean, _ in said["target"]["blocks"]) > -1
    # The mean target of a value is over targets within the blocks.
    assert all(0 < mean < 180 for *_, mean in said["columns"]["ward"]["values"])


def test_nothing_is_told_of_a_hidden_column() -> None:
    assert _said(hidden={"age"})["columns"]["age"] == {"type": "number", "unit": "y"}


def test_of_fewer_rows_than_two_ends_nothing_is_told() -> None:
    assert blocks(np.arange(20.0), 10) == []
    # Of 10 to 29 remain; two blocks of ten.
    assert blocks(np.arange(40.0), 10) == [[14.5, 0.5], [24.5, 0.5]]


@given(st.integers(1, 12), st.integers(0, 3000), st.integers(0, 9))
def test_every_block_is_of_enough_rows(least: int, rows: int, seed: int) -> None:
    ordered = np.sort(np.random.default_rng(seed).lognormal(0, 2, rows))
    found = blocks(ordered, least)
    inner = max(rows - 2 * least, 0)
    counts = [round(share * inner) for _, share in found]
    assert all(count >= least for count in counts)
    assert not found or abs(sum(counts) - inner) <= len(counts)
    assert [mean for mean, _ in found] == sorted(mean for mean, _ in found)
