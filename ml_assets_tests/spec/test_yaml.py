"""A defs.yaml with mistakes: each is named with file, line and the nearest key, all at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_assets.errors import SpecError
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import DATASET, MODEL
from ml_assets.spec.yaml import read_spec

GOOD = """\
type: ml_assets.TabularDataset

attributes:
  description: People
  calendar: day
  landing:
    pattern: 'people-(?P<batch>.*)\\.csv'
  moments: [before, after]
  key: [number]
  time: born
  columns:
    number:
      type: integer
      range: [1, 9]
    name:
      type: text
      allowed: [Ann, Bob]
    born:
      type: date
      known_at: before
  cleaning:
    - op: strip
      columns: [name]
    - op: fill
      columns: [number]
      value: 1
  filters:
    - id: young
      expression: number < 2
      reason: too young
  rules:
    - id: small
      expression: number < 5
      reason: too big
"""
FAMILIES = """\
type: ml_assets.TabularModel
attributes:
  description: Age
  dataset: people
  task: regression
  target: number
  features:
    function: features.py:build
    columns: {age: {type: number}}
  split:
    kind: time
  training:
    metric: mae
    families:
      median:
        family: median
      trees:
        family: lightgbm
        num_leaves: 7
      tuned:
        family: lightgbm_tuned
        start:
          family: lightgbm
          num_leaves: 7
"""


def mistakes(tmp_path: Path, text: str) -> list[str]:
    """Return what is said about a defs.yaml, the folder left out."""
    path = tmp_path / "defs.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as error:
        read_spec(path, {DATASET: DatasetSpec, MODEL: ModelSpec})
    return str(error.value).replace(f"{tmp_path}/", "").splitlines()


def test_a_good_spec(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    path.write_text(GOOD)
    found = read_spec(path, {DATASET: DatasetSpec})
    assert isinstance(found, DatasetSpec)
    assert found.known_at("before") == ("born",)
    assert found.known_at("after") == ("number", "name", "born")


def test_an_acknowledged_feature_is_one_and_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    leakage = "\n    leakage: {acknowledged: {aeg: why, age: ' '}}\n  split"
    path.write_text(FAMILIES.replace("\n  split", leakage, 1))
    with pytest.raises(SpecError) as caught:
        read_spec(path, {MODEL: ModelSpec})
    assert [line.partition(": ")[2] for line in str(caught.value).splitlines()] == [
        "features.leakage.acknowledged.aeg: no feature 'aeg'; did you mean 'age'? available: age",
        "features.leakage.acknowledged.age: state why its value is known at prediction time",
    ]


def test_a_component_of_others_is_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    path.write_text("type: dagster.DefsFolderComponent\n")
    assert read_spec(path, {DATASET: DatasetSpec}) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("calendar: day", "calender: day", "5: calender: unknown key; did you mean 'calendar'?"),
        (
            "      range: [1",
            "      ranje: [1",
            "14: columns.number.ranje: unknown key; did you mean 'range'?",
        ),
        (
            "type: integer",
            "type: integr",
            "13: columns.number.type: got 'integr'; did you mean 'integer'?",
        ),
        ("type: integer", "type:", "13: columns.number.type: got nothing; available:"),
        ("  description: People\n", "", "3: description: is missing"),
        ("description: People", "description:", "4: description: wanted a valid string (got"),
        (
            "    pattern: 'people",
            "    # 'people",
            "6: landing: wanted keys and values (what was given is not shown",
        ),
        ("key: [number]", "key: [numbr]", "9: key.0: no column 'numbr'; did you mean 'number'?"),
        ("time: born", "time: bron", "10: time: no column 'bron'; did you mean 'born'?"),
        ("time: born", "time: name", "10: time: 'name' is text, wanted a timestamp or date"),
        (
            "known_at: before",
            "known_at: befor",
            "20: columns.born.known_at: no moment 'befor'; did you mean 'before'?",
        ),
        (
            "allowed: [Ann, Bob]",
            "allowed: [Ann, 'NA']",
            "17: columns.name.allowed: 'NA' would be read as a missing value, by "
            "landing.null_values; write null_values: [''] for this column, or remove it from "
            "allowed",
        ),
        (
            "allowed: [Ann, Bob]",
            "allowed: [Ann, '-']\n      null_values: ['-', '']",
            "17: columns.name.allowed: '-' would be read as a missing value, by the column's "
            "null_values; write",
        ),
        ("op: strip", "op: stripp", "22: cleaning.0.op: got 'stripp'; did you mean 'strip'?"),
        ("- op: strip\n      col", "- col", "22: cleaning.0.op: is missing"),
        (
            "strip\n      columns",
            "strip\n      colums",
            "23: cleaning.0.colums: unknown key; did you mean 'columns'?",
        ),
        ("columns: [name]", "columns: [nam]", "23: cleaning.0.columns: no column 'nam'; did you"),
        (
            "columns: [name]",
            "columns: [number]",
            "23: cleaning.0.columns: strip is for text and category, number is integer",
        ),
        ("value: 1", "value: one", "26: cleaning.1.value: got 'one', wanted integer for number"),
        (
            "number < 2",
            "numbr < 2",
            "29: filters.0.expression: no column 'numbr'; did you mean 'number'?",
        ),
        ("number < 2", "number <", "29: filters.0.expression: 'number <' is not an expression"),
        ("id: small", "id: young", "32: rules.0.id: 'young' is used twice"),
        ("id: small", "id: Small", "32: rules.0.id: got 'Small', wanted lower case letters"),
        (
            "type: text\n      allowed",
            "type: date\n      allowed",
            "17: columns.name.allowed: is for text, category, integer, number, not for date",
        ),
        (
            "range: [1, 9]",
            "range: [9, 1]",
            "14: columns.number.range: got a minimum of 9 and a maximum of 1",
        ),
        ("allowed: [Ann", "allowed: [1", "17: columns.name.allowed: got 1, wanted text; quote"),
        ("allowed: [Ann, Bob", "range: [1, 2", "17: columns.name.range: is for integer and number"),
        (
            "allowed: [Ann, Bob]",
            "pattern: '[A'",
            "17: columns.name.pattern: '[A' is not a regular expression",
        ),
        (
            "range: [1, 9]",
            "pattern: 'A'",
            "14: columns.number.pattern: is for text and category, not for integer",
        ),
        ("(?P<batch>.*)", "(.*)", "7: landing.pattern: a dataset on a calendar needs a group"),
        ("  calendar: day\n", "", "6: landing.pattern: a group 'batch' needs a calendar"),
        ("(?P<batch>.*)", "(?P<batch>.*", "7: landing.pattern: "),
        (
            "  landing:",
            "  landing:\n    encoding: utf-9",
            "7: landing.encoding: no encoding 'utf-9'",
        ),
        (
            "  landing:",
            "  landing:\n    encoding: rot13",
            "7: landing.encoding: no encoding 'rot13'",
        ),
        (
            "  landing:",
            "  landing:\n    delimiter: ';;'",
            "7: landing.delimiter: got ';;', wanted one character",
        ),
        (
            "  columns:\n",
            "  quarantine_budget: 5\n  columns:\n",
            "11: quarantine_budget: wanted less than or equal to 1 (got 5)",
        ),
        (
            "    number:\n",
            "    2013:\n",
            "12: the key '2013' is read as a number; put it in quotes",
        ),
        ("    number:\n", "    _number:\n", "12: columns._number: names that start with _"),
        ("calendar: day", "calendar: day\n  calendar: a", "6: not YAML: duplicate key 'calendar'"),
        ("  calendar: day", "\tcalendar: day", "5: not YAML: found a tab"),
        ("attributes:", "atributes:", "3: atributes: unknown key; did you mean 'attributes'?"),
        (
            "ml_assets.TabularDataset",
            "ml_assets.TabulerDataset",
            "1: type: no component 'ml_assets.TabulerDataset'; did you mean 'ml_assets.Tabu",
        ),
        ("type: ml_assets.TabularDataset", "", "1: wanted `type:` and `attributes:`"),
        ("ml_assets.TabularDataset", "[a]", "1: type: got keys and values or a list, wanted a"),
        ("ml_assets.TabularDataset", "{a: b}", "1: type: got keys and values or a list, wanted"),
        ("ml_assets.TabularDataset", "", "1: type: got nothing, wanted a component such as ml_a"),
        ("ml_assets.TabularDataset", "~", "1: type: got '~', wanted a component such as ml_asse"),
        ("ml_assets.TabularDataset", "3", "1: type: got '3', wanted a component such as ml_asse"),
        ("    number:\n", "    no:\n", "12: the key 'no' is read as true or false; put it in quo"),
        ("    number:\n", "    ~:\n", "12: the key '~' is read as nothing; put it in quotes"),
        ("    number:\n", "    1.5:\n", "12: the key '1.5' is read as a number; put it in quotes"),
        ("    number:\n", "    ? [a]\n    :\n", "12: the key here is read as a seq; put it in qu"),
        ("description: People", "description: no", "4: description: wanted a valid string (got Fa"),
        ("key: [number]", "key: [number, number]", "9: key: 'number' is duplicated"),
        ("[before, after]", "[before, before]", "8: moments: 'before' is duplicated"),
        (
            "columns: [name]",
            "columns: [name, name]",
            "23: cleaning.0.columns: 'name' is duplicated",
        ),
        ("range: [1, 9]", "range: [.nan, 9]", "14: columns.number.range.0: wanted a finite number"),
        ("range: [1, 9]", "range: [1, .inf]", "14: columns.number.range.1: wanted a finite number"),
        ("range: [1, 9]", "range: [yes, 9]", "14: columns.number.range.0: got true, wanted a numb"),
        ("range: [1, 9]", "range: [1, 2024-13-45]", "14: columns.number.range.1: wanted a valid n"),
        ("[Ann, Bob]", "[]", "17: columns.name.allowed: is empty, so no value would be allow"),
        ("range: [1, 9]", "range: [0x_, 9]", "14: not YAML: '0x_' is not a number; put"),
        ("range: [1, 9]", "range: [0b_, 9]", "14: not YAML: '0b_' is not a number; put"),
        ("range: [1, 9]", "range: [!!int abc, 9]", "14: not YAML: 'abc' is not a number; put"),
        ("range: [1, 9]", "range: [!!float x, 9]", "14: not YAML: 'x' is not a number; put"),
        ("range: [1, 9]", "range: [!!bool maybe]", "14: not YAML: 'maybe' is not true or false; p"),
        ("range: [1, 9]", "range: [!!timestamp x]", "14: not YAML: 'x' is not a timestamp; put"),
        (
            "range: [1, 9]",
            "range: [!!timestamp 2024-01-01]",
            "14: not YAML: a timestamp, wanted te",
        ),
        ("range: [1, 9]", "range: !!binary aGk=", "14: not YAML: a binary, wanted texts, numbers,"),
        ("range: [1, 9]", "range: !!set {a, b}", "14: not YAML: a set, wanted texts, numbers, tru"),
        ("range: [1, 9]", "range: !!python/none x", "14: not YAML: could not determine a constru"),
        ("range: [1, 9]", f"range: [{'9' * 5000}]", "14: not YAML: '99999999999999999999999999"),
        ("range: [1, 9]", f"range: [0x{'f' * 5000}]", "14: not YAML: the number is too large (wa"),
        ("range: [1, 9]", f"range: {'[' * 100_000}", "14: not YAML: nested more than 50 levels de"),
        ("range: [1, 9]", f"range: {'{a: ' * 100_000}", "14: not YAML: nested more than 50 levels"),
        (
            "range: [1, 9]",
            f"range:\n      {'- ' * 9_000}1",
            "15: not YAML: nested more than 50 levels d",
        ),
        ("range: [1, 9]", "range: &a [*a]", "14: not YAML: an alias refers to a node that"),
        ("type: text", f"type: text\n      pattern: '{'(' * 500}{')' * 500}'", "17: columns.name."),
        (
            "type: text",
            "type: text\n      pattern: a{99999999999}",
            "17: columns.name.pattern: 'a{",
        ),
        (
            "number < 2",
            f"number < {'-' * 20_000}2",
            "29: filters.0.expression: an expression of 20",
        ),
        ("number < 2", f"number < {'-' * 500}2", "29: filters.0.expression: an expression nested"),
        ("number < 2", "number.to_csv('x') < 2", "29: filters.0.expression: no method to_csv; lis"),
        (
            "number < 2",
            "number",
            "29: filters.0.expression: 'number' gives a number for each row, wa",
        ),
    ],
)
def test_a_mistake_in_a_dataset(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert GOOD.count(old) >= 1
    found = mistakes(tmp_path, GOOD.replace(old, new, 1))
    assert any(line.startswith(f"defs.yaml:{said}") for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "lightgbm\n        num_leaves",
            "lightgbm\n        num_leafs",
            "19: training.families.trees.num_leafs: unknown key; did you mean 'num_leaves'?",
        ),
        (
            "          num_leaves: 7",
            "          num_leaves: 1",
            "24: training.families.tuned.start.num_leaves: wanted greater than or equal to 2 (got",
        ),
        (
            "family: median",
            "family: meddian",
            "16: training.families.median.family: got 'meddian'; did you mean 'median'?",
        ),
        ("kind: time", "kind: tme", "11: split.kind: got 'tme'; did you mean 'time'?"),
        (
            "kind: time",
            "kind: time\n    tst: 2",
            "12: split.tst: unknown key; did you mean 'test'?",
        ),
        ("features.py:build", "features", "8: features.function: got 'features', wanted FILE.py"),
        (
            "kind: time",
            "kind: time\n    test: true",
            "12: split.test: got true, wanted a number or",
        ),
        (
            "          num_leaves: 7",
            "          num_leaves: 7\n        num_leaves: [9, 5]",
            "25: training.families.tuned.num_leaves: got a minimum of 9 and a maximum of 5",
        ),
        (
            "          num_leaves: 7",
            "          num_leaves: 7\n        learning_rate: [0, 1]",
            "25: training.families.tuned.learning_rate: wanted greater than 0 (got 0)",
        ),
        (
            "kind: time",
            "kind: time\n  evaluation: {intervals: {resamples: 100000000000000000000}}",
            "12: not YAML: the number is too large",
        ),
        (
            "kind: time",
            "kind: time\n  evaluation: {intervals: {resamples: 1000000000}}",
            "12: evaluation.intervals.resamples: wanted less than or equal to 100000",
        ),
        (
            "kind: time",
            "kind: time\n  gate: {seed: -1}",
            "12: gate.seed: wanted greater than or equal to 0 (got -1)",
        ),
    ],
)
def test_a_mistake_in_a_model(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in FAMILIES
    found = mistakes(tmp_path, FAMILIES.replace(old, new, 1))
    assert any(line.startswith(f"defs.yaml:{said}") for line in found), found


def test_a_family_named_like_its_kind(tmp_path: Path) -> None:
    """The tag in pydantic's location must not be taken for the name, nor the name for the tag."""
    text = FAMILIES.replace("      trees:", "      lightgbm:").replace("num_leaves", "num_leafs", 1)
    assert mistakes(tmp_path, text)[0].startswith(
        "defs.yaml:19: training.families.lightgbm.num_leafs: unknown key"
    )


def test_all_mistakes_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        GOOD.replace("calendar:", "calender:")
        .replace("type: integer", "type: int")
        .replace("reason: too big", "reson: too big")
    )
    found = [line.split(" ", 2)[:2] for line in mistakes(tmp_path, text)]
    assert found == [
        ["defs.yaml:5:", "calender:"],
        ["defs.yaml:13:", "columns.number.type:"],
        ["defs.yaml:32:", "rules.0.reason:"],
        ["defs.yaml:34:", "rules.0.reson:"],
    ]


def test_all_mismatches_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("key: [number]", "key: [numbr, nam]").replace("time: born", "time: bron")
    assert [line.split(" ")[1] for line in mistakes(tmp_path, text)] == [
        "key.0:",
        "key.1:",
        "time:",
    ]


def test_a_merge_may_say_a_key_again(tmp_path: Path) -> None:
    text = GOOD.replace("    number:\n", "    number: &n\n").replace(
        "    born:\n", "    age:\n      <<: *n\n      range: [2, 3]\n    born:\n"
    )
    path = tmp_path / "defs.yaml"
    path.write_text(text)
    found = read_spec(path, {DATASET: DatasetSpec})
    assert isinstance(found, DatasetSpec)
    assert found.columns["age"].range == (2, 3)


def test_aliases_that_repeat_too_much(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (said,) = mistakes(tmp_path, "\n".join(lines))
    assert said == "defs.yaml:6: not YAML: aliases expand to too many nodes, or nest too deeply"


def test_a_date_is_a_text(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    path.write_text(GOOD + "  quality: {reference: {batches: [2024-01-01, 2024-13-45]}}\n")
    found = read_spec(path, {DATASET: DatasetSpec})
    assert isinstance(found, DatasetSpec)
    assert found.quality.reference.batches == ("2024-01-01", "2024-13-45")


@pytest.mark.parametrize(("old", "new"), [(b"type: ml", b"\xef\xbb\xbftype: ml"), (b"\n", b"\r\n")])
def test_marks_and_line_ends_of_other_systems(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "defs.yaml"
    path.write_bytes(GOOD.encode().replace(old, new))
    assert isinstance(read_spec(path, {DATASET: DatasetSpec}), DatasetSpec)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    os.mkfifo(path)
    with pytest.raises(SpecError, match="cannot be read: not a file"):
        read_spec(path, {DATASET: DatasetSpec})


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: \x00"])
def test_a_file_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "defs.yaml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=r"defs\.yaml"):
        read_spec(path, {DATASET: DatasetSpec})


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        read_spec(tmp_path / "defs.yaml", {})


def test_mistakes_in_the_quality_section(tmp_path: Path) -> None:
    quality = """\
  quality:
    reference: {first: 0}
    block: month
    false_alarm_rate: 0.9
    smalest: {}
"""
    said = "\n".join(mistakes(tmp_path, GOOD + quality))
    for part in ("quality.reference.first", "quality.block", "false_alarm_rate", "smalest"):
        assert part in said
    quality = """\
  quality:
    slices: [nam]
    ignore: [borne]
"""
    assert mistakes(tmp_path, GOOD + quality) == [
        "defs.yaml:36: quality.slices.0: no column 'nam'; did you mean 'name'? "
        "available: born, name, number",
        "defs.yaml:37: quality.ignore.0: no column 'borne'; did you mean 'born'? "
        "available: born, name, number",
    ]
    secret = GOOD.replace("allowed: [Ann, Bob]", "sensitive: true").replace("  time: born\n", "")
    (one, two) = mistakes(tmp_path, secret + "  quality: {slices: [name], block: day}\n")
    assert one.endswith("quality.block: day needs a `time` column; use row")
    assert two.endswith("name is sensitive; the names of its slices would be shown")
