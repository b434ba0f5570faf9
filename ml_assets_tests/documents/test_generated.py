"""What is made from the code is committed as it would be made now, and says what is so."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from docs.generate import flow, folds, layers, schema
from docs.generate.__main__ import stale
from ml_assets.spec.document import Loader
from ml_assets_tests.processes import ROOT
from ml_assets_tests.projects import FILES

SHIPPED = sorted((ROOT / "ml_assets" / "defs").glob("*/defs.yaml"))


def test_nothing_is_stale() -> None:
    assert stale() == [], "run `make docs` and commit what it made"


def test_the_layers_are_those_of_the_package() -> None:
    rows = layers.layers(ROOT / "pyproject.toml")
    drawn = {name for row in rows for name in row}
    package = ROOT / "ml_assets"
    there = {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}
    there |= {path.name for path in package.iterdir() if (path / "__init__.py").is_file()}
    assert there <= drawn
    assert rows.index(["engine"]) < rows.index(["store"]) < rows.index(["stages"])


def test_the_flow_begins_with_landing_and_draws_no_edge_twice() -> None:
    graph = flow.graph()
    rows = flow.ranks(graph)
    assert rows[0] == ["flights/landing"]
    assert sorted(asset for row in rows for asset in row) == sorted(graph)
    assert flow.direct({"a": (), "b": ("a",), "c": ("a", "b")}) == {"a": [], "b": ["a"], "c": ["b"]}


def test_folds_roll_in_the_picture() -> None:
    assert folds.folds(["2013-01", "2013-02", "2013-03", "2013-04"]) == {
        "2013-01": "train", "2013-02": "validation", "2013-03": "test", "2013-04": "test",
    }  # fmt: skip


@cache
def validator() -> jsonschema.Draft202012Validator:
    """Return the committed schema, itself checked."""
    known = json.loads((ROOT / "docs" / "reference" / "defs.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(known)
    return jsonschema.Draft202012Validator(known)


def valid(text: str) -> None:
    """Check a defs.yaml with the committed schema, as an editor does."""
    validator().validate(document(text))


def document(text: str) -> Any:
    return yaml.load(text, Loader=Loader)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_schema_takes_the_specs_that_are_shipped(path: Path) -> None:
    valid(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("defs.yaml")])
def test_the_schema_takes_a_small_project(name: str) -> None:
    valid(FILES[name])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("description:", "descripton:"),
        ("type: integer", "type: int"),
        ("range: [-100, 1000]", "range: [-100]"),
        ("ml_assets.TabularDataset", "ml_assets.TabularData"),
        ("quarantine_budget: 0.1", "quarantine_budget: 2"),
    ],
)
def test_the_schema_refuses_a_mistake(old: str, new: str) -> None:
    text = FILES["toy/defs/sales/defs.yaml"]
    assert old in text
    with pytest.raises(jsonschema.ValidationError):
        valid(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("{family: linear}", "{family: linear, alhpa: 1}", "families linear", "'alhpa' was unexp"),
        (
            "{family: median}",
            "{family: average}",
            "families median family",
            "'average' is not one of",
        ),
        ("{kind: time, test: 2", "{kind: time, test: two", "split test", "'two' does not match"),
        ("{kind: time, ", "{kind: tiem, ", "split kind", "'tiem' is not one of"),
    ],
)
def test_a_mistake_in_a_model_is_underlined_where_it_is(
    old: str, new: str, place: str, said: str
) -> None:
    text = FILES["toy/defs/forecast/defs.yaml"]
    assert old in text
    found = list(validator().iter_errors(document(text.replace(old, new))))
    error = jsonschema.exceptions.best_match(found)
    assert " ".join(map(str, error.absolute_path)).endswith(place)
    assert said in error.message


def test_the_schema_knows_both_kinds() -> None:
    kinds = schema.schema()["properties"]["type"]["enum"]
    assert kinds == ["ml_assets.TabularDataset", "ml_assets.TabularModel"]
