"""What runs in Flower's environment beside Flower: keys, learning, a node for one program alone."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from ml_assets.children.ports import free_port
from ml_assets.errors import RequestError
from ml_assets.federated import flower, rounds
from ml_assets.federated.app.ml_assets_rounds.payload import booster, checked
from ml_assets.federated.flower import APP, PROGRAMS, Flower

pytestmark = pytest.mark.slow
GUARDED = """
import runpy, sys
sys.argv = ["node.py", sys.argv[1], sys.argv[2], sys.argv[3]]
app, options = sys.argv.pop().encode(), sys.argv.pop()
from flwr.supernode import start_client_internal as inner
from flwr.supernode.cli import flower_supernode
import flwr.supernode.cli as cli
inner.get_fused_config_from_fab = lambda app, run: print("runs", app.decode())
cli.flower_supernode = lambda: inner.get_fused_config_from_fab(app, None)
runpy.run_path(options, run_name="__main__")
"""
GROWN = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from ml_assets_rounds import boost
plan = {"num_leaves": 16, "learning_rate": 1.0, "lambda_l2": 0.0, "trees": 3, "task": "regression",
        "metric": "rmse", "low": 0.0, "high": 100.0, "pull": 10.0, "bound": 1000.0,
        "columns": [{"column": "x", "cuts": list(range(40))}]}
rows = np.load(sys.argv[2])
found = boost.grown(plan, rows["bins"], rows["target"], np.zeros(len(rows["target"])), least=10,
                    seed=1, threads=1)
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def flow(forked: None, tmp_path_factory: pytest.TempPathFactory) -> Flower:
    return flower.ready(tmp_path_factory.mktemp("flower"))


def test_keys_are_private_and_made_once(flow: Flower, tmp_path: Path) -> None:
    for words in (("site", tmp_path), ("coordinator", tmp_path, "10.0.0.5", "host.example")):
        flow.run(flow.program("keys", *map(str, words)))
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(made) == {"node.key", "node.pub", "ca.crt", "server.crt", "server.key"}
    for secret in ("node.key", "server.key"):
        assert stat.S_IMODE((tmp_path / secret).stat().st_mode) == 0o600
    assert made["node.pub"].startswith(b"ecdsa-sha2-nistp384 ")
    # The authority's own key is not kept: nobody can make another certificate of it.
    assert b"PRIVATE" not in made["ca.crt"]
    for words in (("site", tmp_path), ("coordinator", tmp_path, "other")):
        flow.run(flow.program("keys", *map(str, words)))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == made


def test_a_node_runs_its_own_program_alone(flow: Flower) -> None:
    """It is handed another app, as a coordinator could send one."""
    allowed = hashlib.sha256(b"own").hexdigest()
    node = str(PROGRAMS / "node.py")

    def sent(app: str) -> subprocess.CompletedProcess[str]:
        command = [flow.python, "-I", "-c", GUARDED, allowed, node, app]
        return subprocess.run(
            command, env=flow.environ, capture_output=True, text=True, check=False
        )

    assert sent("own").stdout == "runs own\n"
    other = sent("another")
    assert other.returncode == 3
    assert other.stdout == ""
    assert "refused: the coordinator sent the program" in other.stderr


def test_what_is_built_of_our_app_is_the_same_everywhere(flow: Flower, tmp_path: Path) -> None:
    assert flower.digest_of(flow) == flower.digest_of(Flower(flow.python, _ready(tmp_path, flow)))


def _ready(folder: Path, flow: Flower) -> Path:
    (folder / "bin").symlink_to(flow.folder / "bin")
    return folder


def test_a_coordinator_whose_program_fails_says_so_at_once(flow: Flower) -> None:
    """Its question lacks the names of the sites, so there is an error where none was foreseen."""
    question = {"wait": 600, "rounds": 20, "secure_aggregation": False}
    began = time.monotonic()
    with (
        rounds.coordinator(flow, "127.0.0.1", free_port(), {}),
        pytest.raises(RequestError, match="the coordinator's program failed: KeyError: 'sites'"),
    ):
        rounds.conduct(flow, question, list[str]().append)
    # It would be waited for 240 minutes.
    assert time.monotonic() - began < 300


def test_a_planted_target_is_in_no_leaf(flow: Flower, tmp_path: Path) -> None:
    """One row alone beyond the last cut, far away, as in the leaf that gave it back."""
    draw = np.random.default_rng(1)
    bins = draw.integers(0, 40, 600).astype(np.float32)
    target = bins * 2.0 + draw.normal(0, 1, 600)
    bins[0], target[0] = 40, 54321.0
    np.savez(tmp_path / "rows.npz", bins=bins[:, None], target=target)
    command = [flow.python, "-I", "-c", GROWN, str(APP), str(tmp_path / "rows.npz")]
    done = subprocess.run(command, env=flow.environ, capture_output=True, text=True, check=True)
    trees = json.loads(done.stdout)
    assert len(trees) == 3
    # It is what the coordinator takes.
    content = done.stdout.encode()
    assert checked(content, cuts=[40], trees=3, leaves=16, bound=1000.0) == trees
    assert booster(trees, 1, 0.0)["learner"]["learner_model_param"]["num_feature"] == "1"
    for tree in trees:
        leaves = [node for node, left in enumerate(tree["left"]) if left < 0]
        counts = [_rows(tree, bins, node) for node in leaves]
        assert sum(counts) == len(bins)
        assert min(counts) >= 10
        # The most that it could be if the planted row were alone among nine of 0.
        assert all(abs(tree["leaf"][node]) < 110 for node in leaves)
    assert all(cut < 39 for tree in trees for cut in tree["cut"])


def _rows(tree: dict[str, list[int]], bins: np.ndarray, leaf: int) -> int:
    """Return how many rows end in a leaf."""
    count = 0
    for number in bins:
        node = 0
        while tree["left"][node] >= 0:
            goes = number <= tree["cut"][node]
            node = tree["left"][node] if goes else tree["right"][node]
        count += node == leaf
    return count
