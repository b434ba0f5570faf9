"""Values written into YAML: one line changes, comments stay, anchors do not spread."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.errors import RequestError
from ml_assets.operations.adopt import adopt, with_values
from ml_assets.operations.variation import vary
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import MODEL
from ml_assets.spec.yaml import read_spec

TEXT = """\
# The model of the shop.
type: ml_assets.TabularModel
attributes:
  description: 'Units sold'  # by store
  dataset: sales
  task: regression
  target: units
  features:
    function: features.py:build
    columns:
      # Known in the morning.
      store: {type: category}
      price:
        type: number
        sources:
          - sales.store
          - prices.price

  training:
    metric: mae
    # One core is kept free.
    threads: 1
    families:
      median: {family: median}
      linear:
        family: linear

      trees: &trees
        family: lightgbm
        num_leaves: 31  # enough
        max_bin: 63
      tuned:
        family: lightgbm_tuned
        start: *trees
      own:
        family: custom
        module: own.py:mine
        settings: {depth: 2}

  evaluation:
    slices: [store]
"""
FAMILIES = "training.families"


def _changes(text: str) -> tuple[list[str], list[str]]:
    """Return the lines that are gone and those that are new."""
    before, after = TEXT.splitlines(), text.splitlines()
    gone = [line.strip() for line in before if line not in after]
    return gone, [line.strip() for line in after if line not in before]


def test_one_line_changes_and_its_comment_stays() -> None:
    edited = with_values(TEXT, {f"{FAMILIES}.own.settings.depth": 3})
    assert edited == TEXT.replace("{depth: 2}", "{depth: 3}")


def test_what_shares_the_value_by_an_anchor_keeps_it() -> None:
    edited = with_values(TEXT, {f"{FAMILIES}.trees.num_leaves": 7})
    gone, new = _changes(edited)
    assert gone == ["trees: &trees", "num_leaves: 31  # enough", "start: *trees"]
    assert new[:3] == ["trees:", "num_leaves: 7   # enough", "start:"]
    edited = with_values(TEXT, {f"{FAMILIES}.tuned.start.num_leaves": 7})
    before, after = edited.split("tuned:")
    assert "num_leaves: 31  # enough" in before
    assert "num_leaves: 7 " in after


def test_a_new_key_stands_within_its_mapping() -> None:
    edited = with_values(TEXT, {"training.seed": 5, f"{FAMILIES}.trees.lambda_l2": 0.5})
    assert "    # One core is kept free.\n    threads: 1\n    seed: 5\n    families:\n" in edited
    assert "        lambda_l2: 0.5\n        num_leaves: 31  # enough\n" in edited


@pytest.mark.parametrize(
    "settings",
    [
        {f"{FAMILIES}.trees.num_leaves": 7},
        {f"{FAMILIES}.tuned.start.num_leaves": 7, f"{FAMILIES}.linear.alpha": 2.5},
        {f"{FAMILIES}.own.settings.depth": 4, f"{FAMILIES}.own.settings.rate": 1e-07},
        {f"{FAMILIES}.tuned.num_leaves": [3, 9], "training.seed": 3},
    ],
)
def test_the_file_reads_as_the_variation(tmp_path: Path, settings: dict[str, object]) -> None:
    path = tmp_path / "defs.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    model = read_spec(path, {MODEL: ModelSpec})
    assert isinstance(model, ModelSpec)
    wanted = vary(model, settings)
    adopt(path, settings, wanted)
    found = read_spec(path, {MODEL: ModelSpec})
    # As JSON too: the order of an own family's settings is in its action key.
    assert (found, found.model_dump_json()) == (wanted, wanted.model_dump_json())
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_text().startswith("# The model of the shop.\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_edited_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "defs.yaml"
    path.write_text(TEXT)
    model = read_spec(path, {MODEL: ModelSpec})
    assert isinstance(model, ModelSpec)
    edited = TEXT.replace("metric: mae", "metric: rmse")
    path.write_text(edited)
    settings = {f"{FAMILIES}.linear.alpha": 2.0}
    with pytest.raises(RequestError, match=r"was changed .* by hand: training\.families\.linear"):
        adopt(path, settings, vary(model, settings))
    assert path.read_text() == edited
    assert list(tmp_path.iterdir()) == [path]
