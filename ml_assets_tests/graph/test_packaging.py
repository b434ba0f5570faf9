"""The components for `dg`: from the repository root, and from a wheel in another project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.assets.edges import asset_keys
from ml_assets.spec.project import read_project
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.processes import ROOT

pytestmark = pytest.mark.slow

FOLDER_DEFINITIONS = '''\
"""Entry point of the code location; no logic."""

from pathlib import Path

import dagster as dg

defs = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
'''
DG = """
import json, sys
from dagster_dg_cli.cli import cli
for words in json.loads(sys.argv[1]):
    cli.main(words, standalone_mode=False)
    print("\\0", end="", flush=True)
"""
MATERIALIZE = """
import dagster as dg
from ml_assets.graph.instance import open_instance
from ml_assets.workspace import locate
from toy.definitions import defs
with open_instance(locate()) as instance:
    result = defs.resolve_job_def("materialize_month").execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(["sales", n]) for n in ("raw", "cleaned", "quarantine")],
        tags={"dagster/partition": "2020-01"},
    )
    assert result.success
    event = instance.get_latest_materialization_event(dg.AssetKey(["sales", "cleaned"]))
    print(event.asset_materialization.metadata["reused"].value)
"""


def command(*words: str, cwd: Path, paths: list[Path] | None = None, **more: str) -> str:
    """Run one of the environment's executables, and return what it printed."""
    program = Path(sys.executable).with_name(words[0])
    found = {} if paths is None else {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run(
        [str(program), *words[1:]],
        cwd=cwd,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("DAGSTER", "ML_ASSETS"))},
            **found,
            "PYTHONWARNINGS": "ignore",
            "DAGSTER_DG_CLI_DISABLE_UPDATE_CHECK": "1",
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def dg(*several: str, cwd: Path, paths: list[Path], **more: str) -> list[str]:
    """Run commands of `dg` one after the other, in one process: most of each is its imports."""
    words = json.dumps([one.split() for one in several])
    said = command("python", "-c", DG, words, cwd=cwd, paths=paths, **more)
    return said.split("\0")[:-1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the sources, and install it into a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source, target = folder / "source", folder / "installed"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "data", "build", ".*")
    shutil.copytree(ROOT, source, ignore=ignored)
    pip = ("python", "-m", "pip", "--disable-pip-version-check", "--no-input")
    quiet = ("--quiet", "--no-deps")
    command(
        *(*pip, "wheel", *quiet, "--no-build-isolation", "-w", str(folder), str(source)),
        cwd=folder,
    )
    (wheel,) = folder.glob("*.whl")
    command(*pip, "install", *quiet, "--target", str(target), str(wheel), cwd=folder)
    return target


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Site]:
    """Give another dg project, which loads its defs folder and knows nothing of our sources."""
    with toy_site(tmp_path / "project") as site:
        (site.root / "toy" / "definitions.py").write_text(FOLDER_DEFINITIONS)
        yield site


def keys(listed: str) -> set[str]:
    document: Any = json.loads(listed)
    return {asset["asset_key"] for asset in document["assets"]}


def test_the_repository_checks_and_lists_its_assets(installed: Path, tmp_path: Path) -> None:
    _, _, listed = dg(
        "check yaml",
        "check defs",
        "list defs --json",
        cwd=ROOT,
        paths=[ROOT, installed],
        ML_ASSETS_HOME=str(tmp_path),
    )
    assert keys(listed) == set(asset_keys(read_project(ROOT / "ml_assets" / "defs")))


def test_a_wheel_serves_another_project(installed: Path, elsewhere: Site) -> None:
    paths = [installed, elsewhere.root]
    root = elsewhere.root
    components, _, _, listed = dg(
        *("list components --json", "check yaml", "check defs", "list defs --json"),
        cwd=root,
        paths=paths,
    )
    assert {"ml_assets.TabularDataset", "ml_assets.TabularModel"} <= {
        component["key"] for component in json.loads(components)["items"]
    }
    assert keys(listed) == set(asset_keys(read_project(root / "toy" / "defs")))


def test_a_wheel_materializes_in_another_project(installed: Path, elsewhere: Site) -> None:
    paths = [installed, elsewhere.root]
    elsewhere.toy.land_all(["2020-01"])
    words = ("python", "-m", "ml_assets.cli.main", "run", "sales/*", "--json")
    answer = json.loads(command(*words, cwd=elsewhere.root, paths=paths))
    assert "sales/cleaned@2020-01" in answer["executed"]
    # The graph that the components make is the one that the command runs: all is reused.
    assert command("python", "-c", MATERIALIZE, cwd=elsewhere.root, paths=paths).endswith("True\n")


def test_a_project_of_init_is_scaffolded_checked_and_run(installed: Path, tmp_path: Path) -> None:
    paths = [installed]

    def ml_assets(*words: str, cwd: Path) -> str:
        return command("python", "-m", "ml_assets.cli.main", *words, cwd=cwd, paths=paths)

    table = tmp_path / "table.csv"
    lines = [f"{i},{i * 37 % 101},{'ab'[i % 2]},{i * 37 % 101 + 40 * (i % 2)}" for i in range(200)]
    table.write_text("\n".join(["id,x,kind,y", *lines]) + "\n")
    ml_assets("init", "shop-2", cwd=tmp_path)
    shop = tmp_path / "shop-2"
    defs = shop / "shop_2" / "defs"
    ml_assets("new", "dataset", "plain", str(table), cwd=shop)
    ml_assets("new", "model", "guess", "--dataset", "plain", "--target", "y", cwd=shop)
    written = {name: (defs / name / "defs.yaml").read_text() for name in ("plain", "guess")}
    for name in written:
        (defs / name / "defs.yaml").unlink()
        (defs / name).rmdir()
    dg(
        f"scaffold defs ml_assets.TabularDataset plain --file {table}",
        "scaffold defs ml_assets.TabularModel guess --dataset plain --target y",
        "check yaml",
        "check defs",
        cwd=shop,
        paths=paths,
    )
    assert {n: (defs / n / "defs.yaml").read_text() for n in written} == written
    ml_assets("land", "plain", str(table), cwd=shop)
    answer = json.loads(ml_assets("run", "--json", cwd=shop))
    assert answer["success"], answer
    status = json.loads(ml_assets("status", "guess", "--json", cwd=shop))
    assert "promoted" in status["candidate"]["decision"]


def test_a_typo_is_found_by_dg(installed: Path, elsewhere: Site) -> None:
    elsewhere.toy.edit("toy/defs/forecast/defs.yaml", "predict_at:", "predict_ta:")
    with pytest.raises(AssertionError, match=r"defs\.yaml:10 .*predict_ta"):
        command("dg", "check", "yaml", cwd=elsewhere.root, paths=[installed, elsewhere.root])


def test_the_wheel_holds_what_a_release_ships(installed: Path) -> None:
    shipped = installed / "ml_assets" / "stages" / "release" / "scoring"
    for name in ("score.py", "score_edge.py", "lightgbm.txt", "numpy.txt", "onnxruntime.txt"):
        source = ROOT / "ml_assets" / "stages" / "release" / "scoring" / name
        assert (shipped / name).read_bytes() == source.read_bytes()
