"""What an experiment varies: paths, values, ranges, names."""

from __future__ import annotations

import pytest

from ml_assets.errors import RequestError
from ml_assets.operations.variation import axes, families, grid, named, shortened, value_at, vary
from ml_assets.spec.model import ModelSpec
from ml_assets.spec.project import Project

ALPHA, ROWS = "training.families.linear.alpha", "training.families.linear.max_rows"


@pytest.fixture(scope="module")
def model(project: Project) -> ModelSpec:
    """Two more families than the toy project has."""
    document = project.models["forecast"].model_dump()
    document["training"]["families"] |= {
        "trees": {"family": "lightgbm"},
        "tuned": {"family": "lightgbm_tuned"},
        "own": {"family": "custom", "module": "own.py:mine", "settings": {"depth": 2}},
    }
    return ModelSpec.model_validate(document)


def test_values_are_as_the_spec_holds_them_each_once(model: ModelSpec) -> None:
    (alpha,) = axes(model, ["train.linear.alpha=1,2.5, 1.0,1e-3"], ranges=False)
    assert (alpha.path, alpha.values) == (ALPHA, (1.0, 2.5, 0.001))
    assert all(isinstance(value, float) for value in alpha.values)
    assert axes(model, [f"{ALPHA}=1,2.5,1e-3"], ranges=False) == [alpha]
    (span,) = axes(model, ["train.tuned.num_leaves=[15, 63],[31,255]"], ranges=False)
    assert span.values == ([15, 63], [31, 255])
    (inner,) = axes(model, ["train.tuned.start.max_bin=63"], ranges=False)
    assert inner.path == "training.families.tuned.start.max_bin"


def test_settings_of_an_own_family_are_its_own_matter(model: ModelSpec) -> None:
    (depth,) = axes(model, ["train.own.settings.depth=2,3"], ranges=False)
    assert depth.values == (2, 3)
    (new,) = axes(model, ["train.own.settings.shape=flat,round"], ranges=False)
    assert new.values == ("flat", "round")
    assert value_at(model, new.path) is None
    varied = vary(model, {new.path: "round"})
    assert list(varied.training.families["own"].settings.items()) == [  # type: ignore[union-attr]
        ("depth", 2),
        ("shape", "round"),
    ]


def test_a_range_is_whole_or_not_as_the_setting_is(model: ModelSpec) -> None:
    leaves, alpha = axes(
        model, ["train.trees.num_leaves=15..255", "train.linear.alpha=1..10"], ranges=True
    )
    assert (leaves.low, leaves.high, leaves.whole) == (15, 255, True)
    assert (alpha.low, alpha.high, alpha.whole) == (1.0, 10.0, False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("train.linear.alhpa=1", "has no 'alhpa'; did you mean 'alpha'"),
        ("train.lienar.alpha=1", "no family 'lienar'; did you mean 'linear'"),
        ("trian.linear.alpha=1", "did you mean 'train'?"),
        ("features.columns=1", "experiments vary train.FAMILY.SETTING and training.seed"),
        ("training.metric=rmse", "experiments vary train.FAMILY.SETTING and training.seed"),
        ("train.linear=1", "is a group of settings; name one of alpha, max_rows"),
        ("train=1", "is a group of settings; name one of median, linear, trees, tuned, own"),
        ("train.linear.family=median", "the family itself cannot be varied"),
        ("train.linear.alpha.x=1", "training.families.linear.alpha is one value"),
        ("train.linear.alpha=0", "got 0: wanted greater than 0"),
        ("train.linear.alpha=", "got no value"),
        ("train.linear.alpha=[", "wanted values as in YAML"),
        (f"train.linear.alpha={'[' * 5_000}", "wanted values as in YAML"),
        ("train.linear.alpha=true", "alpha: got true, wanted a number"),
        ("train.linear.alpha=1..x", "got 'x' as the end of a range"),
        ("train.linear.alpha=2..1", "wanted the smaller end first"),
        ("train.linear.alpha=1..2", "a range is searched with --trials"),
        ("train.trees.objective=1..2", "got 1: wanted a valid string"),
        ("train.linear.alpha", "wanted PATH=VALUE,VALUE"),
    ],
)
def test_what_is_wrong_is_said(model: ModelSpec, given: str, said: str) -> None:
    with pytest.raises(RequestError) as error:
        axes(model, [given], ranges=False)
    assert said in str(error.value)


def test_all_mistakes_at_once(model: ModelSpec) -> None:
    with pytest.raises(RequestError) as error:
        axes(
            model,
            ["train.linear.alpha=1", "train.linear.alpha=2", "x", "train.a.b=1"],
            ranges=False,
        )
    lines = str(error.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["train.linear.alpha", "x", "train.a.b"]
    assert "given twice" in lines[0]


def test_several_settings_multiply(model: ModelSpec) -> None:
    found = axes(model, ["train.linear.alpha=1,2", "train.linear.max_rows=10,20"], ranges=False)
    assert list(grid(found)) == [
        {ALPHA: 1.0, ROWS: 10},
        {ALPHA: 1.0, ROWS: 20},
        {ALPHA: 2.0, ROWS: 10},
        {ALPHA: 2.0, ROWS: 20},
    ]
    assert [named(settings) for settings in grid(found)][:2] == [
        "alpha=1.0 max_rows=10",
        "alpha=1.0 max_rows=20",
    ]


def test_a_name_is_as_long_as_it_must_be() -> None:
    paths = ["training.families.a.alpha", "training.families.b.alpha", "training.seed"]
    assert shortened(paths) == dict(zip(paths, ["a.alpha", "b.alpha", "seed"], strict=True))
    nested = ["training.families.t.num", "training.families.t.start.num"]
    assert list(shortened(nested).values()) == ["t.num", "start.num"]


def test_the_seed_concerns_every_family(model: ModelSpec) -> None:
    assert families(model, [ALPHA, ROWS]) == ["linear"]
    assert families(model, ["training.families.trees.max_bin", ALPHA]) == ["linear", "trees"]
    assert families(model, ["training.seed"]) == ["median", "linear", "trees", "tuned", "own"]
