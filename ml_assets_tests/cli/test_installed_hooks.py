"""Functions of an installed package, from a wheel made here: its version is in the keys."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets_tests import warm
from ml_assets_tests.cli.shell import Answer, Shell
from ml_assets_tests.processes import ROOT
from ml_assets_tests.projects import FILES, FORECAST, HELPERS, Toy, write_project

SETUP = (
    'from setuptools import setup; setup(name="shop-functions", version="{}", packages=["shop"])'
)
CHECKS = """
def promoted(frame):
    return int(frame["promo"].sum()) >= 5, {}
"""
MEAN = """
def fit(settings, train, validation, context):
    return {"mean": float(train.target.mean())}


def refit(settings, state, fold, context):
    return {"mean": float(fold.target.mean())}


def predict(state, batch):
    import numpy as np

    return np.full(batch.num_rows, state["mean"])
"""


def install(folder: Path, version: str, factor: float) -> Path:
    """Build a wheel and install it; return the folder to be put into PYTHONPATH."""
    source, site = folder / f"source-{version}", folder / "site-packages"
    (source / "shop").mkdir(parents=True)
    features = FILES["toy/defs/forecast/features.py"].replace("toy.defs.forecast.helpers", "shop.h")
    helpers = FILES[HELPERS].replace(".astype(float)", f".astype(float) * {factor}")
    files = {"__init__": "", "features": features, "h": helpers, "checks": CHECKS, "mean": MEAN}
    for name, text in files.items():
        (source / "shop" / f"{name}.py").write_text(text)
    (source / "setup.py").write_text(SETUP.format(version))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    shutil.rmtree(site, ignore_errors=True)
    wheel = next(folder.glob(f"*{version}*.whl"))
    there = [*pip, "install", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run(there, check=True, capture_output=True)
    return site


@pytest.mark.slow
def test_features_a_check_and_a_family_come_from_a_wheel(tmp_path: Path) -> None:
    site = install(tmp_path, "1.0", 1.0)
    root = tmp_path / "project"
    write_project(root)
    spec = (root / FORECAST).read_text()
    spec = spec.replace("function: features.py:build", "function: shop.features:build")
    spec = spec.replace("  split:", "  checks: {promoted: shop.checks:promoted}\n  split:")
    own = "linear: {family: linear}\n      mean: {family: custom, module: 'shop.mean:mean'}"
    (root / FORECAST).write_text(spec.replace("linear: {family: linear}", own))
    (root / "toy/defs/forecast/features.py").unlink()
    toy = Toy(root)
    toy.land_all(["2020-01", "2020-02", "2020-03", "2020-04"])
    toy.close()
    shell = Shell(root)
    paths = {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}

    def answer(*words: str, code: int = 0) -> Answer:
        with warm.python():
            return shell.process(*words, more=paths, code=code)

    assert answer("run", "--json").document["success"]
    assert answer("run", "--json").document["run_id"] is None

    install(tmp_path, "1.1", 2.0)
    plan = answer("plan", "--json").document
    reasons = {row["asset"]: row["reason"] for row in plan["run"]}
    reason = reasons["forecast/features@2020-01"]
    assert reason.startswith("features: environment: shop-functions 1.0→1.1; ")
    assert not [asset for asset in reasons if asset.startswith(("sales/", "prices/"))]
    assert answer("run", "--json").document["success"]

    (root / FORECAST).write_text(
        (root / FORECAST).read_text().replace("shop.features:build", "shop.features:built")
    )
    said = answer("plan").err
    assert "there is no function built; did you mean 'build'?" in said
    (root / FORECAST).write_text(
        (root / FORECAST).read_text().replace("shop.features:built", "shops.features:build")
    )
    said = answer("plan", code=1).err
    assert "no package shops for shops.features: install it" in said
