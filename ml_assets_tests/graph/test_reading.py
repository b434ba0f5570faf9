"""`ml_assets.load` and `ml_assets.versions`: any version of any asset, frames and models alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ml_assets
from ml_assets.errors import UnknownName
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.projects import sales


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project in which March, a month of train, was corrected."""
    with prepared_site(tmp_path_factory, "reading", _correct) as site:
        yield site


def _correct(site: Site) -> None:
    site.toy.land("sales", "2020-03", sales("2020-03", rows=20))
    assert site.json("run")["success"]


def load(site: Site, asset: str, **options: Any) -> Any:
    with site.inside():
        return ml_assets.load(asset, **options)


def test_a_frame_of_a_batch(site: Site) -> None:
    frame = load(site, "sales/cleaned", partition="2020-01")
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) == 27
    assert frame["sale"].iloc[0] == 1000
    assert str(frame["store"].dtype) == "category"


def test_any_version_of_it(site: Site) -> None:
    assert len(load(site, "sales/cleaned", partition="2020-03")) == 18
    for version in (0, "0", "v0"):
        assert len(load(site, "sales/cleaned", partition="2020-03", version=version)) == 27


def test_versions(site: Site) -> None:
    with site.inside():
        found = ml_assets.versions("sales/cleaned", partition="2020-03")
        candidates = ml_assets.versions("forecast/candidate")
    assert [(item["version"], item["rows"]) for item in found] == [("v0", 27), ("v1", 18)]
    assert [item["version"] for item in candidates] == ["v0", "v1"]
    assert found[1]["digest"] == site.digests()["sales/cleaned@2020-03"]


def test_a_model_of_any_version_predicts(site: Site) -> None:
    features = load(site, "forecast/features", partition="2020-02")
    new, old = load(site, "forecast/candidate"), load(site, "forecast/candidate", version=0)
    assert new.document["family"] == "linear"
    assert new.document != old.document
    batch = new.predict(features)
    assert batch.shape == (len(features),)
    assert np.array_equal(new.predict(features.iloc[[5]]), batch[[5]])
    assert abs(batch - features["_target"].to_numpy()).mean() < 2


def test_splits_and_reports(site: Site) -> None:
    assert list(load(site, "forecast/test_split").columns)[:1] == ["batch"]
    report = load(site, "forecast/evaluation_report")
    assert set(report) >= {"metrics", "predictions", "report", "plots"}
    assert report["report"].lstrip().lower().startswith(b"<!doctype html")


@pytest.mark.parametrize(
    ("asset", "options", "said"),
    [
        ("sales/cleand", {}, "did you mean 'sales/cleaned'"),
        ("sales/cleaned", {}, "sales/cleaned has partitions; choose one of 2020-01"),
        ("sales/cleaned", {"partition": "2020-1"}, "no partition of sales/cleaned named '2020-1'"),
        ("sales/cleaned", {"partition": "2020-01", "version": 7}, "available: v0"),
        ("sales/cleaned", {"partition": "2020-01", "version": "new"}, "available: v0"),
        ("forecast/candidate", {"partition": "2020-01"}, "forecast/candidate"),
    ],
)
def test_what_is_not_there_is_named(
    site: Site, asset: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(UnknownName, match=said):
        load(site, asset, **options)


def test_another_environment_holds_nothing_yet(site: Site) -> None:
    with site.inside("prod"), pytest.raises(UnknownName, match="not materialized in environment"):
        ml_assets.load("forecast/candidate")


def test_the_package_offers_what_it_says() -> None:
    assert set(ml_assets.__all__) <= set(dir(ml_assets))
    assert ml_assets.TabularModel.__name__ == "TabularModel"
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        ml_assets.lod  # noqa: B018
