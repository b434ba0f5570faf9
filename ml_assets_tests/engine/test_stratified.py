"""A stratified hash split through the plan: a row keeps its fold, and plans come to rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets_tests.projects import Toy, sales

YAML = "toy/defs/forecast/defs.yaml"
SPLIT = "forecast/*_split"


@pytest.fixture
def binary(toy: Toy) -> Toy:
    """The toy project with a class as its target, divided by a stratified hash; two months."""
    for old, new in (
        ("split: {kind: time, test: 2, validation: 1}", "split: {kind: hash, stratify: true}"),
        ("task: regression", "task: binary"),
        ("target: units\n", "target: units > 21\n"),
        ("    metric: mae", "    metric: log_loss"),
        ("median: {family: median}", "prior: {family: prior}"),
    ):
        toy.edit(YAML, old, new)
    toy.land_all(("2020-01", "2020-02"))
    assert toy.make("+forecast/features").faults == []
    return toy


def _folds(toy: Toy) -> dict[str, str]:
    """Return row key -> fold, as the split says it gave them."""
    home = toy.planner().home
    held = home.records.current("dev", "forecast/train_split")
    assert held is not None
    table = home.objects.table(held.outputs["train_assignment"].digest)
    return dict(zip(table["_key"].to_pylist(), table["fold"].to_pylist(), strict=True))


def _kept(toy: Toy) -> str | None:
    """Return the digest of the assignment that the current split was handed."""
    home = toy.planner().home
    held = home.records.current("dev", "forecast/train_split")
    assert held is not None
    action = home.records.action(held.actions["split"])
    assert action is not None
    return action.ingredients["inputs"].get("kept")


def _changed(toy: Toy, month: str) -> None:
    """Land a month again with half of its rows and other values, and make its features."""
    lines = sales(month, rows=30, extra=6.0).decode().splitlines()
    toy.land("sales", month, "\n".join([lines[0], *lines[10:]]).encode())
    assert toy.make("+forecast/features").faults == []


def test_a_plan_after_a_run_finds_nothing_to_do(binary: Toy) -> None:
    assert binary.make(SPLIT).having("executed") == {
        f"forecast/{fold}_split" for fold in ("train", "validation", "test")
    }
    assert _kept(binary) is None
    assert {item.status for item in binary.plan(SPLIT).cells} == {"reuse"}
    assert binary.make(SPLIT).having("executed") == set()
    first = _folds(binary)
    assert len(first) == 54
    assert {*first.values()} == {"train", "validation", "test"}

    binary.land_all(("2020-03",))
    assert binary.make("+forecast/features").faults == []
    binary.make(SPLIT)
    assert _kept(binary) is not None
    assert {item.status for item in binary.plan(SPLIT).cells} == {"reuse"}
    assert binary.make(SPLIT).having("executed") == set()
    second = _folds(binary)
    assert len(second) == 81
    assert {key: second[key] for key in first} == first


def test_rows_stay_in_their_fold_when_their_batch_is_corrected(binary: Toy) -> None:
    binary.make(SPLIT)
    first = _folds(binary)
    _changed(binary, "2020-01")
    (item, *_) = binary.plan("forecast/train_split").cells
    assert item.status == "run"
    assert "kept" in item.reason
    assert binary.make(SPLIT).faults == []
    assert _folds(binary) == first
    assert {item.status for item in binary.plan(SPLIT).cells} == {"reuse"}


def test_another_rule_begins_anew_and_other_code_does_not(binary: Toy) -> None:
    binary.make(SPLIT)
    first = _folds(binary)
    binary.edit(YAML, "stratify: true", "stratify: true, salt: other")
    assert binary.make(SPLIT).faults == []
    assert _kept(binary) is None
    other = _folds(binary)
    assert other.keys() == first.keys()
    assert other != first
    assert {item.status for item in binary.plan(SPLIT).cells} == {"reuse"}


def test_an_environment_keeps_its_own(binary: Toy) -> None:
    binary.make(SPLIT)
    _changed(binary, "2020-01")
    binary.make(SPLIT)
    assert _kept(binary) is not None
    assert {item.status for item in binary.plan(SPLIT, env="prod").cells} == {"run"}
    assert binary.make(SPLIT, env="dev").having("executed") == set()


def test_the_split_reads_back_as_its_references(
    binary: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ml_assets

    binary.make(SPLIT)
    monkeypatch.chdir(Path(binary.root))
    monkeypatch.delenv("ML_ASSETS_HOME", raising=False)
    frame = ml_assets.load("forecast/train_split")
    assert list(frame.columns) == ["batch", "features", "start", "stop"]
