"""Features without a function: the types and sources that they take from their columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.errors import SpecError
from ml_assets.spec.model import FeatureColumn, ModelSpec
from ml_assets.spec.project import read_project

DATASET = """\
type: ml_assets.TabularDataset
attributes:
  description: People
  landing: {pattern: people}
  moments: [before, after]
  key: [number]
  columns:
    number: {type: integer, known_at: before}
    age: {type: integer, known_at: before}
    hours-per-week: {type: number, known_at: before}
    town: {type: text, known_at: before}
    married: {type: boolean, known_at: before}
    bonus: {type: number}
    class: {type: category}
"""
MODEL = """\
type: ml_assets.TabularModel
attributes:
  description: Classes
  dataset: people
  task: multiclass
  target: class
  predict_at: before
  features:
    columns: COLUMNS
  split: {kind: hash, test: 0.2, validation: 0.2}
  training:
    metric: log_loss
    families: {prior: {family: prior}}
"""


def read(tmp_path: Path, columns: str, model: str = MODEL) -> ModelSpec:
    """Return the model of a project whose features are as given."""
    for name, text in (("people", DATASET), ("wages", model.replace("COLUMNS", columns))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "defs.yaml").write_text(text)
    return read_project(tmp_path).models["wages"]


def mistakes(tmp_path: Path, columns: str, model: str = MODEL) -> list[str]:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, columns, model)
    return [line.partition("defs.yaml:")[2] for line in str(caught.value).splitlines()]


def test_a_list_of_names_takes_types_and_sources_from_the_columns(tmp_path: Path) -> None:
    found = read(tmp_path, "[age, hours-per-week, married]").features.columns
    assert found == {
        "age": FeatureColumn(type="integer", sources=("people.age",)),
        "hours-per-week": FeatureColumn(type="number", sources=("people.hours-per-week",)),
        "married": FeatureColumn(type="boolean", sources=("people.married",)),
    }


def test_a_mapping_may_say_more_of_some(tmp_path: Path) -> None:
    said = "{age: {type: category, unit: years}, married: , town: {type: category}}"
    found = read(tmp_path, said).features.columns
    assert [column.kind for column in found.values()] == ["category", "boolean", "category"]
    assert found["age"].unit == "years"


def test_with_a_function_only_the_type_is_taken(tmp_path: Path) -> None:
    said = "{age: , old: {type: boolean}}\n    function: features.py:build"
    found = read(tmp_path, said).features.columns
    assert found == {"age": FeatureColumn(type="integer"), "old": FeatureColumn(type="boolean")}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            "[age, hours]",
            "9: features.columns.hours: no column 'hours' in people; available: age, "
            "hours-per-week, married, town; what is not a column needs a features.function",
        ),
        ("[age, age]", "9: features.columns: 'age' is duplicated"),
        (
            "[age, no]",
            "9: features.columns: got False in the list, wanted names; quote names that YAML "
            "reads as another type, such as no or 1",
        ),
        (
            "[number]",
            "9: features.columns.number: is the key: it names a row and says nothing about another",
        ),
        (
            "[age, bonus]",
            "9: features.columns.bonus: is known only at after; the model predicts at before",
        ),
        ("[class]", "9: features.columns.class: is read by the target (class)"),
        (
            "{hours-per-week: {type: integer}}",
            "9: features.columns.hours-per-week.type: got integer, but the column is a number; "
            "wanted number",
        ),
        (
            "{age: {sources: [people.town]}}",
            "9: features.columns.age.sources: without a function its source is people.age; got "
            "people.town",
        ),
    ],
)
def test_a_column_that_cannot_be_an_input(tmp_path: Path, columns: str, said: str) -> None:
    assert mistakes(tmp_path, columns) == [said]


def test_every_mistake_is_told_with_the_line_of_its_name(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "\n      - age\n      - agee\n      - class")
    assert [line.partition(": ")[0] for line in found] == ["11", "12"]


def test_joins_are_for_a_function(tmp_path: Path) -> None:
    model = MODEL.replace("  task:", "  previous: 1\n  task:")
    assert mistakes(tmp_path, "[age]", model) == [
        "5: previous: is read by a features.function, and there is none"
    ]


def test_a_feature_of_a_function_that_is_no_column_says_its_type(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "{old: }\n    function: features.py:build")
    assert found == [
        "9: features.columns.old: people has no column 'old' from which to take its type; write "
        "type: integer, number, category, boolean, text, date, timestamp"
    ]
