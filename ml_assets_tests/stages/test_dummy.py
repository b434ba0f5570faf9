"""Made-up rows: they keep the contract, look like the statistics, and are nobody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import RequestError
from ml_assets.spec.columns import Column
from ml_assets.spec.dataset import Contract, Filter, Landing, Rule
from ml_assets.stages.contract import broken, repeated
from ml_assets.stages.dummy.faults import planted
from ml_assets.stages.dummy.names import invented
from ml_assets.stages.dummy.rows import made
from ml_assets.stages.dummy.wish import Wish
from ml_assets.stages.dummy.write import content, texts
from ml_assets.stages.ingest import read
from ml_assets.stages.schema import DUMMY
from ml_assets.stages.statistics.document import Asked, statistics

MAY = datetime(2024, 5, 1), datetime(2024, 6, 1)


def contract(key: tuple[str, ...] = (), rules: Sequence[Rule] = (), **columns: Any) -> Contract:
    return Contract(
        columns={name: Column(**said) for name, said in columns.items()},
        key=key,
        rules=tuple(rules),
    )


@given(
    low=st.integers(-5, 5),
    width=st.integers(0, 20),
    allowed=st.lists(st.sampled_from("abcdef"), min_size=1, unique=True),
    nullable=st.booleans(),
    seed=st.integers(0, 3),
)
def test_rows_keep_the_contract(
    low: int, width: int, allowed: list[str], nullable: bool, seed: int
) -> None:
    asked = contract(
        key=("id",),
        rules=[Rule(id="order", expression="a <= b", reason="a comes first")],
        id={"type": "text", "nullable": False, "pattern": "[A-Z]{3}[0-9]{4}"},
        a={"type": "integer", "range": [low, low + width], "nullable": nullable},
        b={"type": "integer", "range": [low, low + width], "nullable": nullable},
        kind={"type": "category", "allowed": allowed, "nullable": False},
        at={"type": "timestamp", "nullable": False},
    )
    frame = made(Wish(asked, time="at", period=MAY, seed=seed), 40)
    assert len(frame) == 40
    assert broken(asked, frame) == {}
    assert repeated(asked.key, frame, np.ones(40, dtype=bool)) == {}
    assert frame["at"].between("2024-05-01T00:00Z", "2024-05-31T23:59:59Z").all()


def test_the_same_wish_gives_the_same_rows_and_another_seed_others() -> None:
    asked = contract(a={"type": "number", "range": [0, 1]})
    one, again, other = (made(Wish(asked, seed=seed), 20) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, again)
    assert not one.equals(other)


def test_the_number_that_moves_least_for_its_spread_keeps_a_rule() -> None:
    asked = contract(
        rules=[Rule(id="clock", expression="hour * 100 + minute == clock", reason="one time")],
        hour={"type": "integer", "range": [0, 23], "nullable": False},
        minute={"type": "integer", "range": [0, 59], "nullable": False},
        clock={"type": "integer", "range": [0, 2359], "nullable": False},
    )
    frame = made(Wish(asked), 200)
    assert len(frame) == 200
    assert (frame["hour"] * 100 + frame["minute"] == frame["clock"]).all()
    assert frame["hour"].nunique() > 15
    assert frame["minute"].nunique() > 30


def test_a_contract_that_no_row_keeps_gives_none() -> None:
    rule = Rule(id="never", expression="a > b", reason="impossible")
    asked = contract(
        rules=[rule],
        a={"type": "integer", "range": [0, 5], "nullable": False},
        b={"type": "integer", "range": [5, 9], "nullable": False},
    )
    assert len(made(Wish(asked), 10)) == 0


def test_fewer_rows_come_out_than_there_are_keys() -> None:
    asked = contract(
        key=("k",),
        k={"type": "category", "allowed": ["x", "y", "z"], "nullable": False},
        v={"type": "number"},
    )
    asked = asked.model_copy(
        update={
            "key": ("k", "k2"),
            "columns": {
                **asked.columns,
                "k2": Column(type="integer", range=(1, 2), nullable=False),
            },
        }
    )
    assert len(made(Wish(asked), 50)) == 6


def world(rows: int, seed: int) -> pd.DataFrame:
    """Return rows of two numbers that rise together and a third that does not."""
    rng = np.random.default_rng(seed)
    size = rng.lognormal(3, 0.5, rows)
    return pd.DataFrame(
        {
            "size": np.round(size, 2),
            "price": np.round(size * 10 * rng.lognormal(0, 0.1, rows), 2),
            "noise": np.round(rng.normal(size=rows), 2),
        }
    )


def learned(frame: pd.DataFrame) -> tuple[Contract, dict[str, Any]]:
    asked = contract(**{name: {"type": "number"} for name in frame})
    table = pa.Table.from_pandas(frame, preserve_index=False)
    document = statistics(Asked("w", asked.columns, None, "UTC"), lambda names: table.select(names))
    return asked, document


def test_rows_have_the_marginals_and_rank_correlations_of_the_statistics() -> None:
    real = world(4000, 0)
    asked, document = learned(real)
    frame = made(Wish(asked, statistics=document), 4000)
    there, here = real.corr("spearman"), frame.corr("spearman")
    # Standard errors are at most 0.016 for each of the two.
    assert np.abs(there - here).to_numpy().max() < 0.06
    for name in real:
        levels = [0.1, 0.5, 0.9]
        np.testing.assert_allclose(
            frame[name].quantile(levels), real[name].quantile(levels), rtol=0.12, atol=0.12
        )
        assert frame[name].min() > real[name].min()
        assert frame[name].max() < real[name].max()


def test_no_row_is_nearer_to_a_real_one_than_rows_of_a_holdout_are() -> None:
    nearer = []
    for seed in range(10):
        real, holdout = world(600, seed), world(600, 100 + seed)
        asked, document = learned(real)
        frame = made(Wish(asked, statistics=document, seed=seed), 600)
        spread = real.std()
        ours, theirs = (_nearest(rows / spread, real / spread) for rows in (frame, holdout))
        nearer.append(float(np.quantile(ours, 0.05) / np.quantile(theirs, 0.05)))
    # Of ten worlds, the mean ratio of the nearest twentieth, less two standard errors.
    low = np.mean(nearer) - 2 * np.std(nearer, ddof=1) / np.sqrt(len(nearer))
    assert low > 0.85, nearer


def _nearest(rows: pd.DataFrame, real: pd.DataFrame) -> Any:
    far = np.linalg.norm(rows.to_numpy()[:, None] - real.to_numpy()[None], axis=2)
    return far.min(axis=1)


def test_a_number_gives_the_same_name_in_every_dataset() -> None:
    assert invented("tailnum", None, [3, 1]) == ["tailnum-00003", "tailnum-00001"]
    names = invented("tailnum", "N[0-9]{3}[A-Z]", range(20))
    assert names[5:7] == invented("tailnum", "N[0-9]{3}[A-Z]", [5, 6])
    assert invented("x", "NA|N", range(9), never=["NA"]) == ["N"] * 9
    with pytest.raises(RequestError, match="found no text for x that matches"):
        invented("x", "a(?<=b)", [1])


@pytest.mark.parametrize(
    "landing",
    [
        {},
        {"delimiter": ";", "decimal": ",", "null_values": ["?"]},
        {"delimiter": "\\t", "quote": "'", "skip_lines": 2},
        {"header": False},
        {"encoding": "utf-16"},
    ],
    ids=str,
)
def test_a_file_is_read_back_as_it_was_made(landing: dict[str, Any]) -> None:
    how = Landing(pattern="x", **landing)
    asked = contract(
        n={"type": "number", "range": [-5, 5]},
        i={"type": "integer"},
        b={"type": "boolean"},
        d={"type": "date", "format": "%d.%m.%Y"},
        t={"type": "timestamp", "source": ["day", "clock"], "format": "%Y-%m-%d %H:%M:%S"},
        c={"type": "category", "allowed": ["a b", 'it\'s; "so", ']},
    )
    frame = made(Wish(asked, time="d", period=MAY), 30)
    file = content(texts(frame, asked.columns, how), asked.columns, how)
    source = read(file, how, asked.columns)
    assert list(source.names) == ["n", "i", "b", "d", "day", "clock", "c", DUMMY]
    assert not source.broken
    assert len(source.lines) == 30


def test_each_rule_and_filter_is_broken_by_a_planted_row() -> None:
    asked = contract(
        key=("id",),
        rules=[Rule(id="order", expression="a <= b", reason="a comes first")],
        id={"type": "integer", "nullable": False},
        a={"type": "integer", "range": [0, 9], "nullable": False},
        b={"type": "integer", "range": [0, 9]},
        kind={"type": "category", "allowed": ["x", "y"]},
    )
    gone = Filter(id="gone", expression="b.isna()", reason="not there")
    never = Filter(id="never", expression="a > 100", reason="cannot be")
    found = planted(Wish(asked), made(Wish(asked), 20), [gone, never])
    assert [fault.rule for fault in found.faults] == [
        "parse.integer",
        "id.not_null",
        "parse.integer",
        "a.not_null",
        "a.range",
        "parse.integer",
        "b.range",
        "kind.allowed",
        "key.unique",
        "order",
        "gone",
    ]
    assert found.left_out == ["never"]
    rules = [
        next((n for n, m in broken(asked, found.rows).items() if m[r]), None) for r in range(11)
    ]
    assert rules[1] == "id.not_null"
    assert rules[3:5] == ["a.not_null", "a.range"]
    assert rules[6:10] == ["b.range", "kind.allowed", None, "order"]
    assert pd.isna(found.rows["b"][10])
