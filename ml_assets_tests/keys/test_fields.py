"""Fields that came later: left out of keys while they have the default that they came with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from docs.generate.fields import text
from ml_assets.keys.fields import FILE, Fields
from ml_assets.spec.base import Spec
from ml_assets_tests.projects import FORECAST, MONTHS, SALES, Toy
from ml_assets_tests.upgraded import Upgraded


class Inner(Spec):
    """With one later field."""

    size: int = 1
    extra: float | int | bool = 1.0


class Round(Spec):
    """One of two kinds; without later fields."""

    kind: Literal["round"] = "round"


class Square(Spec):
    """The other kind."""

    kind: Literal["square"] = "square"
    side: int = 2


class Outer(Spec):
    """Later fields of every sort."""

    name: str
    one: Inner = Inner()
    many: Mapping[str, Inner] = Field(default_factory=dict)
    listed: tuple[Inner, ...] = ()
    shape: Annotated[Round | Square, Field(discriminator="kind")] = Round()
    made: list[int] = Field(default_factory=lambda: [1, 2])
    ordered: Mapping[str, int] = Field(default_factory=lambda: {"b": 1, "a": 2})


class Wider(Inner):
    """Handed where an Inner is asked for."""

    width: int = 3


HERE = __name__
RECORD: dict[str, Any] = {
    f"{HERE}:Inner": {"first": ["size"], "later": {"extra": 1.0}},
    f"{HERE}:Outer": {"first": ["name", "one", "many", "listed"]},
}
FIELDS = Fields(RECORD)
PLAIN = {"name": "x", "one": {"size": 1}, "many": {}, "listed": []}


def _both(spec: Spec) -> Any:
    """Return the document, which the text says as well."""
    document = FIELDS.document(spec)
    assert json.loads(FIELDS.text(spec)) == document
    return document


def test_a_default_is_left_out_however_deep() -> None:
    assert _both(Outer(name="x")) == PLAIN
    deep = Outer(name="x", many={"a": Inner()}, listed=(Inner(), Inner(size=2)))
    assert _both(deep) == {
        **PLAIN,
        "many": {"a": {"size": 1}},
        "listed": [{"size": 1}, {"size": 2}],
    }


def test_another_value_is_written_where_it_stands() -> None:
    deep = Outer(name="x", many={"a": Inner(), "b": Inner(extra=2.0)}, made=[2, 1])
    assert _both(deep) == {
        **PLAIN,
        "many": {"a": {"size": 1}, "b": {"size": 1, "extra": 2.0}},
        "made": [2, 1],
    }
    assert _both(Outer(name="x", ordered={"a": 2, "b": 1}))["ordered"] == {"a": 2, "b": 1}


def test_what_only_compares_equal_is_another_value() -> None:
    assert _both(Inner(extra=True)) == {"size": 1, "extra": True}
    assert _both(Inner(extra=1)) == {"size": 1, "extra": 1}


def test_a_new_class_writes_all_of_its_fields() -> None:
    assert _both(Outer(name="x", shape=Square())) == {
        **PLAIN,
        "shape": {"kind": "square", "side": 2},
    }
    assert _both(Round()) == {"kind": "round"}


def test_an_instance_of_a_subclass_is_written_whole() -> None:
    assert _both(Outer(name="x", one=Wider()))["one"] == {"size": 1, "extra": 1.0, "width": 3}


def test_a_default_that_changes_re_runs_what_relied_on_it() -> None:
    before = Fields({f"{HERE}:Inner": {"first": ["size"], "later": {"extra": 2.0}}})
    assert before.document(Inner()) == {"size": 1, "extra": 1.0}
    assert before.document(Inner(extra=2.0)) == {"size": 1}


def test_a_record_grows_and_nothing_that_it_says_changes() -> None:
    grown = FIELDS.completed([Inner, Outer, Square])
    assert grown == {
        f"{HERE}:Inner": RECORD[f"{HERE}:Inner"],
        f"{HERE}:Outer": {
            "first": ["name", "one", "many", "listed"],
            "later": {"shape": {"kind": "round"}, "made": [1, 2], "ordered": {"b": 1, "a": 2}},
        },
        f"{HERE}:Square": {"first": ["kind", "side"]},
    }
    assert Fields(grown).document(Outer(name="x")) == PLAIN
    assert Fields(grown).completed([Inner, Outer, Square]) == grown


def test_the_record_holds_every_class_of_a_spec() -> None:
    assert FILE.read_text() == text()


def test_an_upgrade_that_adds_fields_re_runs_what_uses_them(made: Toy, tmp_path: Path) -> None:
    later = Upgraded.of(tmp_path / "later", made.root)
    later.edit(
        "spec/columns.py",
        "    unit: str | None = None\n",
        "    unit: str | None = None\n    scale: float = 1.0\n",
    )
    later.edit(
        "spec/model.py",
        '    weight: str | None = None\n    """A',
        '    tone: str = "plain"\n    weight: str | None = None\n    """A',
    )
    later.edit(
        "spec/families.py",
        "    alpha: Annotated[float, Field(gt=0)] = 1.0\n",
        "    alpha: Annotated[float, Field(gt=0)] = 1.0\n    steps: tuple[int, ...] = (1, 2)\n",
    )
    assert later.to_do() == {}

    # No stage is handed it: nothing is concerned.
    made.edit(FORECAST, "  task: regression", "  tone: dark\n  task: regression")
    assert later.to_do() == {}
    made.edit(FORECAST, "{family: linear}", "{family: linear, steps: [1]}")
    assert later.to_do() == {
        "forecast/candidate": "spec: family.steps unset→[1]",
        "forecast/evaluation_report": "spec: fit.family.steps unset→[1]",
        "forecast/champion": "depends on forecast/candidate",
        "forecast/release": "depends on forecast/champion",
    }
    made.edit(FORECAST, "{family: linear, steps: [1]}", "{family: linear, steps: [1, 2]}")
    assert later.to_do() == {}
    made.edit(SALES, "promo: {type: boolean,", "promo: {type: boolean, scale: 2.0,")
    to_do = later.to_do()
    assert {
        cell for cell, reason in to_do.items() if "columns.promo.scale unset→2.0" in reason
    } == {
        *(f"sales/{name}@{month}" for name in ("raw", "cleaned", "quarantine") for month in MONTHS),
        *(f"sales/quality_report@{month}" for month in MONTHS),
    }
    assert not [cell for cell in to_do if cell.startswith("prices/")]
