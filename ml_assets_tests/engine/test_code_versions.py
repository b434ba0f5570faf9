"""Code versions for Dagster: they move with code and spec, not with data."""

from __future__ import annotations

from ml_assets.engine.code_versions import code_versions
from ml_assets_tests.projects import Toy


def _versions(toy: Toy) -> dict[tuple[str, str], str]:
    planner = toy.planner()
    return {
        (group, kind): version
        for group in ("sales", "prices", "forecast")
        for kind, version in code_versions(planner.project, planner.workspace, group).items()
    }


def _moved(toy: Toy, before: dict[tuple[str, str], str]) -> set[tuple[str, str]]:
    after = _versions(toy)
    return {place for place in after if after[place] != before[place]}


def test_they_move_with_what_they_are_made_of(toy: Toy) -> None:
    before = _versions(toy)
    assert set(before) == {
        ("sales", "batch"),
        ("prices", "batch"),
        ("sales", "quality_report"),
        ("prices", "quality_report"),
        *(("forecast", kind) for kind in ("features", "splits", "candidate", "predictions")),
        *(("forecast", kind) for kind in ("evaluation_report", "champion", "release")),
    }
    toy.land_all(["2020-01"])
    toy.edit("toy/defs/forecast/helpers.py", '"""What', '# A comment.\n"""What')
    assert _moved(toy, before) == set()
    toy.edit("toy/defs/forecast/helpers.py", ".astype(float)", ".astype(float) * 2.0")
    assert _moved(toy, before) == {("forecast", "features")}
    toy.edit("toy/defs/sales/defs.yaml", "quarantine_budget: 0.1", "quarantine_budget: 0.2")
    assert _moved(toy, before) == {("forecast", "features"), ("sales", "batch")}


def test_a_family_of_ones_own_counts(toy: Toy) -> None:
    (toy.root / "toy/defs/forecast/own.py").write_text("X = 1\n")
    line = "      linear: {family: linear}\n"
    own = "      own: {family: custom, module: own.py:Own}\n"
    toy.edit("toy/defs/forecast/defs.yaml", line, line + own)
    before = _versions(toy)
    (toy.root / "toy/defs/forecast/own.py").write_text("X = 2\n")
    kinds = ("candidate", "evaluation_report", "champion", "release", "predictions")
    assert _moved(toy, before) == {("forecast", kind) for kind in kinds}
