"""Real rounds: Flower's SuperLink and three SuperNodes, from a table to a judged candidate."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_assets.history.origin import origin
from ml_assets_tests.cli.shell import Shell
from ml_assets_tests.federated.visits import KEY, NUMBER, RARE, SITES, TARGET, all_sites, clinics


@pytest.mark.slow
def test_sites_learn_together_and_no_row_leaves(tmp_path: Path) -> None:
    shell = clinics(tmp_path, all_sites())
    assert "federated" not in shell.json("status", "stay")
    # gamma says no, whoever asks.
    shell("federated", "stop", "stay", "gamma", "--reason", "not agreed")
    done = _offline(shell)
    said = {event["site"]: event["said"] for event in done["events"]}
    assert said["gamma"] == "said no: not agreed"
    assert "metrics" not in done["sites"]["gamma"]
    assert done["curve"]["validation"][1] < done["curve"]["validation"][0]
    assert set(done["comparison"]["sites"]) == set(SITES)

    sent: dict[str, list[bytes]] = {}
    for site in SITES:
        log = shell.json("federated", "log", "stay", site)
        lines = log["left"]
        kinds = [line["kind"] for line in lines]
        assert kinds[:3] == (["refusal"] if site == "gamma" else ["query", "train", "train"])
        sent[site] = [(Path(log["folder"]) / line["sha256"]).read_bytes() for line in lines]
        assert [len(content) for content in sent[site]] == [line["bytes"] for line in lines]
        # The rows went once the rounds were over.
        assert not (Path(log["folder"]).parent / "rows.npz").exists()
    everything = b"".join(sent["alpha"])
    for canary in (RARE, KEY, str(TARGET), str(NUMBER), "54321", "98765"):
        assert canary.encode() not in everything
    _attacked(sent["alpha"])

    shell("run")
    with shell.store() as home:
        current = home.records.all_current(home.env)["stay/candidate", ""]
        families = {entry["family"]: entry for entry in current.facts["families"]}
        assert families["federated"]["value"] < families["median"]["value"]
        assert families["federated"]["settings"]["sites"] == ["alpha", "beta"]
        # What it was made from is known, so it can be released.
        version = home.records.versions("stay/candidate")[-1]
        assert origin(home, "stay", version).fitted.name.startswith("stay/candidate#fit:")


def _offline(shell: Shell) -> Any:
    """Run the rounds where this machine's own network is all there is, if that can be had here."""
    alone = [
        "unshare",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "sh",
    ]
    words = [sys.executable, "-P", "-m", "ml_assets", "federated", "run", "stay", "--json"]
    allowed = (
        shutil.which(alone[0]) and not subprocess.run([*alone, "true"], check=False).returncode
    )
    done = subprocess.run(
        [*alone, *words] if allowed else words,
        cwd=shell.root,
        env=shell.environ(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _attacked(sent: list[bytes]) -> None:
    """Try to compute what was planted from thresholds, leaves and means."""
    statement = json.loads(sent[0])
    known = [statement["target"], *statement["columns"].values()]
    points = [p for entry in known for p, *_ in entry.get("blocks", entry.get("values", ()))]
    numbers = [point for point in points if isinstance(point, float)]
    # A mean with either extreme in it would be beyond a tenth of it.
    assert max(numbers) < 1000
    # Metrics of a few hundred rows: the extreme target is in one of the folds.
    measured = json.loads(sent[-1])
    for fold in measured.values():
        assert fold["rmse"] * fold["rows"] ** 0.5 < TARGET / 10
        assert fold["mae"] * fold["rows"] < TARGET / 10
    least = statement["least_rows"]
    for content in sent[1:3]:
        trees = json.loads(content.partition(b"\n")[2])
        assert trees
        for tree in trees:
            assert set(tree) == {"left", "right", "feature", "cut", "missing", "leaf"}
            # Cuts are numbers of agreed ones, so they hold nothing of a row.
            assert all(isinstance(cut, int) for cut in tree["cut"])
            leaves = np.abs(tree["leaf"])
            # One row alone of so many in a leaf, pulling without a bound, would show as this.
            assert leaves.max() < TARGET / least / 10
