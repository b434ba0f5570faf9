"""A site's folder, wrong requests, and another home's rounds: nothing starts before all is well."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.federated.visits import NUMBER, RARE, TARGET, all_sites, clinics, rows

FAMILIES = "median: {family: median}\n      linear: {family: linear}"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    lines = [*all_sites(1000), *rows("tiny", 30, 9)]
    spec = {"[alpha, beta, gamma]": "[alpha, beta, gamma, tiny]"}
    return clinics(tmp_path_factory.mktemp("clinics"), lines, spec)


def _planner(shell: Shell) -> Any:
    from ml_assets.engine.plan import Planner
    from ml_assets.workspace import locate

    workspace = locate()
    return Planner(workspace, workspace.open_home())


def test_a_folder_holds_a_statement_and_rows_for_its_owner_alone(shell: Shell) -> None:
    from ml_assets.federated.site import folder_of, prepare

    with shell.inside():
        planner = _planner(shell)
        said = prepare(planner, "stay", "alpha")
        folder = folder_of(planner, "stay", "alpha")
        planner.home.close()
    assert said == json.loads((folder / "statement.json").read_text())
    assert 500 < said["rows"]["train"] < 700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    text = (folder / "statement.json").read_text()
    for canary in (RARE, str(NUMBER), str(TARGET), "K-canary"):
        assert canary not in text
    assert [value for value, *_ in said["columns"]["ward"]["values"]] != []
    assert said["contract"]["the features and their code"]
    # A block a line, to be read by a person.
    mean, share = said["columns"]["age"]["blocks"][3]
    assert f"    [{mean}, {share}],\n" in text


def test_wrong_requests(shell: Shell, tmp_path: Path) -> None:
    assert "no model named 'stey'" in shell("federated", "run", "stey", code=2).err
    assert "no site named 'alfa'" in shell("federated", "log", "stay", "alfa", code=2).err
    said = shell("federated", "run", "stay", code=2).err
    assert "tiny cannot take part" in said
    assert "wanted 500 (50 times least_rows) to learn from: with fewer, a row would show" in said
    # The others were ready, and had their rows written.
    assert {path.name for path in shell.home.glob("federated/stay/*/statement.json")}
    assert not list(shell.home.glob("federated/stay/*/rows.npz"))
    said = shell("federated", "run", "stay", "--home", f"north={tmp_path}", code=2).err
    assert "no site named 'north'" in said
    said = shell("federated", "run", "stay", "--home", f"alpha={tmp_path / 'gone'}", code=2).err
    assert "wanted SITE=FOLDER, a home" in said
    said = shell("federated", "coordinate", "stay", "--keys", tmp_path, code=2).err
    assert "lacks alpha.pub, beta.pub, gamma.pub, tiny.pub" in said
    words = ("federated", "join", "stay", "alpha", "--coordinator", "here", "--ca", "none.crt")
    said = shell(*words, code=2).err
    assert "--coordinator here: wanted HOST:PORT" in said
    assert "--ca none.crt: no such file" in said
    assert "nothing has left alpha" in shell("federated", "log", "stay", "alpha").out


def test_files_that_hold_no_rounds(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "rounds.json"
    words = ("federated", "take", "stay", file)
    assert "No such file" in shell(*words, code=2).err
    file.write_text("[")
    assert "is not JSON" in shell(*words, code=2).err
    file.write_text("{}")
    assert "holds no rounds that `ml-assets federated` wrote" in shell(*words, code=2).err
    document: dict[str, Any] = {
        "format": 1,
        "plan": {"model": "other"},
        "model": {"state": {"arrays": {"roots": [0]}, "inputs": []}},
        "contract": {"the contract of visits": "d1:older"},
    }
    file.write_text(json.dumps(document))
    said = shell(*words, code=2).err
    assert "rounds of other, wanted stay" in said
    assert "another version of the contract of visits" in said
    assert "its model is damaged" in said
    file.write_text(json.dumps({**document, "format": 2}))
    assert "version 2 of the rounds, wanted 1" in shell(*words, code=2).err


def test_a_site_says_no_and_takes_part_again(shell: Shell) -> None:
    folder = shell.home / "federated" / "stay" / "beta"
    shell("federated", "stop", "stay", "beta", "--reason", "audit")
    assert (folder / "stop").read_text() == "audit"
    shell("federated", "stop", "stay", "beta", "--again")
    assert not (folder / "stop").exists()


def test_folds_that_are_not_up_to_date_are_told_of_each_site(tmp_path: Path) -> None:
    clinic = clinics(tmp_path, rows("alpha", 40, 1))
    with (tmp_path / "incoming" / "visits.csv").open("a") as file:
        file.write("\n".join(rows("beta", 3, 2)).replace("beta-", "new-") + "\n")
    clinic("land", "visits", tmp_path / "incoming" / "visits.csv")
    said = clinic("federated", "run", "stay", code=2).err
    assert "alpha: the folds of stay are not up to date" in said
    assert "gamma: the folds of stay are not up to date" in said
    assert "Traceback" not in said


def test_nothing_to_compare_with_is_told_before_any_round(tmp_path: Path) -> None:
    spec = {"      linear: {family: linear}\n": ""}
    clinic = clinics(tmp_path, rows("alpha", 40, 1), spec)
    said = clinic("federated", "run", "stay", code=2).err
    assert "no family to compare a federated model with; add one of lightgbm" in said
    assert "cannot take part" in clinic("federated", "run", "stay", "--no-compare", code=2).err


def test_a_model_without_sites(tmp_path: Path) -> None:
    spec = {
        "      federated: {family: federated}\n": "",
        "  federated:\n    sites: [alpha, beta, gamma]\n    column: clinic\n    rounds: 2\n"
        "    trees: 12\n    num_leaves: 8\n    learning_rate: 0.3\n    wait: 60\n": "",
    }
    alone = clinics(tmp_path, rows("alpha", 40, 1), spec)
    said = alone("federated", "run", "stay", code=2).err
    assert "stay is trained in one home; add `federated: {sites: [a, b]}` to its spec" in said


def test_a_site_with_one_class_is_told_before_any_round(tmp_path: Path) -> None:
    spec = {
        "task: regression": "task: binary",
        "target: minutes": "target: urgent",
        "      urgent: {}\n": "",
        "metric: mae": "metric: log_loss",
        "median: {family: median}": "median: {family: prior}",
    }
    one = [line.replace(",true,", ",false,") for line in rows("alpha", 900, 1)]
    clinic = clinics(tmp_path, [*one, *rows("beta", 900, 2), *rows("gamma", 900, 3)], spec)
    said = clinic("federated", "run", "stay", code=2).err
    assert "alpha cannot take part" in said
    assert "true in fewer rows of train than may be spoken of, wanted 10 of each class" in said
    assert "beta cannot" not in said
