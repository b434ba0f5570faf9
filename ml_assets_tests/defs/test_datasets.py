"""The real contracts on the real data: twelve months of flights and weather, and planes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ml_assets.cli.sample import write_sample
from ml_assets.engine.recipes.dataset import clean_spec, ingest_spec
from ml_assets.spec.dataset import DatasetSpec
from ml_assets.spec.project import DATASET, read_project
from ml_assets.spec.yaml import read_spec
from ml_assets.stages.check import contract, key_unique, row_accounting
from ml_assets.stages.clean import clean
from ml_assets.stages.ingest import ingest
from ml_assets_tests.handles import given

DEFS = Path(__file__).parents[2] / "ml_assets" / "defs"


def dataset(name: str) -> DatasetSpec:
    """Return one of the default datasets."""
    found = read_spec(DEFS / name / "defs.yaml", {DATASET: DatasetSpec})
    assert isinstance(found, DatasetSpec)
    return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Write the sample once."""
    return write_sample(tmp_path_factory.mktemp("sample"))


def account(name: str, paths: list[Path]) -> Counter[str]:
    """Ingest, clean and check files; return rows by what became of them."""
    project = read_project(DEFS)
    total: Counter[str] = Counter()
    for path in paths:
        read = ingest(ingest_spec(project, name), landed=given(path.read_bytes())).outputs
        params = clean_spec(project, name)
        made = clean(params, **{key: given(value) for key, value in read.items()}).outputs
        handles = {key: given(value) for key, value in made.items()}
        checks = [
            contract.check(params, summary=handles["summary"]),
            row_accounting.check(params, **handles),
            key_unique.check(params, cleaned=handles["cleaned"]),
        ]
        assert all(found.checks[0].passed for found in checks)
        summary: dict[str, Any] = made["summary"]
        total.update({key: summary[key] for key in ("landed", "cleaned")})
        for part in ("filtered", "quarantined", "warned", "unlabelled"):
            total.update({f"{part} {rule}": rows for rule, rows in summary.get(part, {}).items()})
        assert summary["warnings"] == []
    return total


def test_flights(sample: dict[str, list[Path]]) -> None:
    assert account("flights", sample["flights"]) == {
        "landed": 336_776,
        "cleaned": 328_521,
        "filtered cancelled": 8_255,
        "unlabelled diverted": 1_175,
    }


def test_weather(sample: dict[str, list[Path]]) -> None:
    """One hour says that the wind blew at 1048 mph."""
    assert account("weather", sample["weather"]) == {
        "landed": 26_115,
        "cleaned": 26_114,
        "quarantined wind_speed.range": 1,
    }


def test_planes(sample: dict[str, list[Path]]) -> None:
    assert account("planes", sample["planes"]) == {"landed": 3_322, "cleaned": 3_322}


@pytest.mark.parametrize("name", ["flights", "weather", "planes"])
def test_every_column_is_described(name: str) -> None:
    spec = dataset(name)
    assert spec.owners
    for column in spec.columns.values():
        assert column.description
        assert column.known_at is not None or not spec.moments


def test_nothing_after_departure_is_known_at_departure() -> None:
    spec = dataset("flights")
    later = set(spec.columns) - set(spec.known_at("departure"))
    assert later == {"arr_time", "arr_delay", "air_time"}


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet"])
def test_names_of_files(ending: str) -> None:
    import re

    match = re.fullmatch(dataset("flights").landing.pattern, f"flights-2013-01.{ending}")
    assert match is not None
    assert match["batch"] == "2013-01"
    assert re.fullmatch(dataset("planes").landing.pattern, f"planes.{ending}")
