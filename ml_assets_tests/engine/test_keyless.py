"""A dataset without a key, whose labels come later, and two models that predict at two moments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ml_assets.engine.recipes.scorer import pinned
from ml_assets.serve.model import load
from ml_assets.store.records import Current
from ml_assets_tests.prepared import once
from ml_assets_tests.projects import (
    FEATURES,
    FORECAST,
    MONTHS,
    SALES,
    Toy,
    copied,
    sales,
    toy_project,
)

FIRST, MAY = MONTHS[:4], "2020-05"
BIG = """\
type: ml_assets.TabularModel

attributes:
  description: Whether a sale is big, known at noon.
  dataset: sales
  task: binary
  target: units > 23
  predict_at: noon
  features: {columns: [promo, store]}
  split: {kind: time, test: 1, validation: 1}
  training:
    metric: log_loss
    families:
      prior: {family: prior}
      linear: {family: linear}
  gate: {min_rows: 10, parity: {rows: 6}, not_worse: {margin: 50%, resamples: 100}, slices: null}
"""


def columns(month: str, *names: str) -> bytes:
    """Return some columns of a month of sales, and `units` without values where it is asked for."""
    lines = [line.split(",") for line in sales(month).decode().splitlines()]
    head, rows = lines[0], [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert set(names) <= {*head}
    text = [",".join(names), *(",".join("" if n == "units" else r[n] for n in names) for r in rows)]
    return ("\n".join(text) + "\n").encode()


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Give a project in which both models have a champion after four months."""

    def make(root: Path) -> None:
        with toy_project(root) as toy:
            toy.edit(SALES, "key: [sale]", "key: row\n  labels: later")
            toy.edit(SALES, "[opening, closing]", "[opening, noon, closing]")
            toy.edit(
                SALES,
                "promo: {type: boolean, known_at: opening}",
                "promo: {type: boolean, nullable: false, known_at: noon}",
            )
            toy.edit(FORECAST, "test: 2", "test: 1")
            toy.edit(FORECAST, "min_rows: 30", "min_rows: 10")
            toy.edit(FORECAST, "      promo: {type: boolean}\n", "")
            toy.edit(FEATURES, '"promo": sales["promo"], ', "")
            (toy.root / "toy" / "defs" / "big").mkdir()
            (toy.root / "toy" / "defs" / "big" / "defs.yaml").write_text(BIG)
            toy.forget()
            toy.land_all(FIRST)
            assert toy.make().faults == []

    return Toy(once(tmp_path_factory, "keyless", make).resolve())


def current(toy: Toy, asset: str, batch: str = "") -> Current:
    home = toy.planner().home
    found = home.records.current(home.env, asset, batch)
    assert found is not None, asset
    return found


def said(toy: Toy, model: str) -> list[Any]:
    digest = current(toy, f"{model}/predictions", MAY).outputs["predictions"].digest
    return list(toy.planner().home.objects.table(digest)["prediction"].to_pylist())


@pytest.mark.parametrize(
    "names", [("sale", "day", "store", "promo"), ("day", "promo", "store", "units", "sale")]
)
def test_rows_without_labels_are_scored_and_then_measured(
    four: Toy, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """The labels' column is absent, or there and empty."""
    with copied(four, tmp_path / "project") as toy:
        toy.land("sales", MAY, columns(MAY, *names))
        toy.land("prices", MAY)
        assert toy.make().faults == []
        planner = toy.planner()
        before = {model: said(toy, model) for model in ("forecast", "big")}
        for model, found in before.items():
            facts = current(toy, f"{model}/predictions", MAY).facts
            assert (facts["rows"], facts["seen"]) == (30, 0), "its rows are of other days"
            assert facts["realized"]["unlabelled"] == 30
            assert pinned(planner.home, model)[MAY]
            loaded = load(planner.home, planner.project, model)
            lines = columns(MAY, *names).decode().splitlines()
            rows = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
            answer = loaded.predict(rows, batch=MAY)
            assert answer["problem"].to_pylist() == [None] * 30
            assert answer["prediction"].to_pylist() == found
            (alone,) = loaded.predict(rows[7:8], batch=MAY)["prediction"].to_pylist()
            assert alone == found[7]
        toy.land("sales", MAY, sales(MAY))
        assert toy.make().faults == []
        for model in before:
            assert said(toy, model) == before[model]
            realized = current(toy, f"{model}/predictions", MAY).facts["realized"]
            assert (realized["measured"], realized["unlabelled"], realized["seen"]) == (27, 3, 0)


def test_what_the_later_model_needs_may_come_with_the_labels(four: Toy, tmp_path: Path) -> None:
    """Columns after the earliest moment may be absent: the other model then predicts without."""
    with copied(four, tmp_path / "project") as toy:
        toy.land("sales", MAY, columns(MAY, "sale", "day", "store"))
        toy.land("prices", MAY)
        assert toy.make().faults == []
        assert current(toy, "sales/cleaned", MAY).facts["unlabelled"] == {"promo.not_null": 30}
        early, late = said(toy, "forecast"), said(toy, "big")
        assert len(late) == 30
        toy.land("sales", MAY, columns(MAY, "sale", "day", "store", "promo"))
        assert toy.make().faults == []
        assert said(toy, "forecast") == early
        assert said(toy, "big") != late, "its inputs were corrected"
        facts = current(toy, "big/predictions", MAY).facts
        assert facts["scorer"] == "v0"
