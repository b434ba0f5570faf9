"""Actions, version numbers and current pointers."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.store.home import Home
from ml_assets.store.objects import Ref
from ml_assets.store.records import ActionRecord, Current, Product, asset_digest

A, B = Ref("d1:aa", "table", 3), Ref("d1:bb", "table", 4)


def _product(ref: Ref = A, asset: str = "toy/raw", partition: str = "m1", **facts: Any) -> Product:
    return Product(asset, partition, {"raw": ref}, {"ingest": f"key of {ref.digest}"}, [], facts)


def _record(home: Home, *products: Product, env: str = "dev", run: str = "r") -> list[Current]:
    return home.records.record(env, products, run)


def _action(key: str, seconds: float = 1.0, recipe: str = "recipe") -> ActionRecord:
    return ActionRecord(
        key=key,
        recipe=recipe,
        name="toy/batch@m1#ingest",
        ingredients={"code": {"m": "1"}, "inputs": {"landed": "d1:00"}},
        outputs={"raw": A, "summary": Ref("d1:cc", "json")},
        checks=[{"name": "contract", "passed": None}],
        facts={"rows": 3},
        sources="d1:ss",
        machine={"system": "Linux"},
        seconds=seconds,
        made_by="token",
    )


def test_versions_count_distinct_content(home: Home) -> None:
    numbers = [_record(home, _product(ref))[0].number for ref in (A, B, A)]
    assert numbers == [0, 1, 0]
    found = home.records.versions("toy/raw", "m1")
    assert [(v.number, v.digest, v.rows) for v in found] == [(0, "d1:aa", 3), (1, "d1:bb", 4)]
    current = home.records.current("dev", "toy/raw", "m1")
    assert current is not None
    assert (current.number, current.digest, current.outputs) == (0, "d1:aa", {"raw": A})


def test_identical_content_makes_no_version_even_from_other_actions(home: Home) -> None:
    _record(home, _product(run="first"), run="r1")
    again = Product("toy/raw", "m1", {"raw": A}, {"ingest": "another key"}, [], {"run": "second"})
    (current,) = _record(home, again, run="r2")
    (version,) = home.records.versions("toy/raw", "m1")
    assert (version.run_id, version.actions) == ("r1", {"ingest": "key of d1:aa"})
    assert (current.number, current.run_id) == (0, "r2")
    assert current.actions == {"ingest": "another key"}


def test_recording_the_same_again_changes_nothing(home: Home) -> None:
    (first,) = _record(home, _product(), run="r1")
    (second,) = _record(home, _product(), run="r2")
    assert second == first
    assert second.run_id == "r1"


def test_each_partition_and_asset_counts_for_itself(home: Home) -> None:
    products = [_product(), _product(B, partition="m2"), _product(B, asset="toy/cleaned")]
    assert [c.number for c in _record(home, *products)] == [0, 0, 0]
    assert home.records.partitions("toy/raw") == ["m1", "m2"]
    assert home.records.partitions("toy/none") == []
    assert home.records.versions("toy/raw", "m3") == []


def test_versions_are_shared_and_current_is_not(home: Home) -> None:
    _record(home, _product(A), env="dev")
    (prod,) = _record(home, _product(B), env="prod")
    assert prod.number == 1
    assert [v.number for v in home.records.versions("toy/raw", "m1")] == [0, 1]
    held = {
        env: {place: c.digest for place, c in home.records.all_current(env).items()}
        for env in ("dev", "prod", "none")
    }
    place = ("toy/raw", "m1")
    assert held == {"dev": {place: "d1:aa"}, "prod": {place: "d1:bb"}, "none": {}}
    assert home.records.current("none", *place) is None


def test_products_are_recorded_all_or_none(home: Home) -> None:
    with pytest.raises(TypeError):
        _record(home, _product(), _product(B, partition="m2", bad=object()))
    assert home.records.all_current("dev") == {}
    assert home.records.versions("toy/raw", "m1") == []


def test_the_token_moves_with_content_checks_facts_and_actions(home: Home) -> None:
    check = {"name": "contract", "passed": True}
    products = [
        _product(),
        _product(B),
        _product(rows=3),
        Product("toy/raw", "m1", {"raw": A}, {"ingest": "other"}, [], {}),
        Product("toy/raw", "m1", {"raw": A}, {"ingest": "key of d1:aa"}, [check], {}),
    ]
    assert len({product.token for product in products}) == len(products)
    assert _product().token == _product().token


def test_published_is_what_was_shown_last(home: Home) -> None:
    (first,) = _record(home, _product())
    assert first.published is None
    home.records.mark_published("dev", "toy/raw", "m1", first.token)
    (second,) = _record(home, _product(B))
    assert second.published == first.token != second.token
    (third,) = _record(home, _product())
    assert third.published == third.token
    home.records.mark_all_unpublished("prod")
    assert home.records.all_current("dev")["toy/raw", "m1"].published == third.token
    home.records.mark_all_unpublished("dev")
    assert home.records.all_current("dev")["toy/raw", "m1"].published is None


def test_an_asset_of_several_outputs_has_one_digest() -> None:
    assert asset_digest({"raw": A}) == "d1:aa"
    two = asset_digest({"train": A, "summary": B})
    assert two == asset_digest({"summary": B, "train": A})
    assert two != asset_digest({"train": B, "summary": A})


def test_an_action_is_read_back_as_it_was(home: Home) -> None:
    home.records.record_action(_action("k"))
    assert home.records.action("k") == _action("k")
    assert home.records.action("other") is None
    assert home.records.actions(["k", "other"]) == {"k": _action("k")}


def test_an_action_stays_unless_replaced(home: Home) -> None:
    home.records.record_action(_action("k", seconds=1.0))
    home.records.record_action(_action("k", seconds=2.0))
    assert home.records.actions(["k"])["k"].seconds == 1.0
    home.records.record_action(_action("k", seconds=3.0), replace=True)
    assert home.records.actions(["k"])["k"].seconds == 3.0


def test_recipes_are_known(home: Home) -> None:
    home.records.record_action(_action("k", recipe="r1"))
    assert home.records.has_recipe("r1")
    assert not home.records.has_recipe("r2")
