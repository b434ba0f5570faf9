"""The coordinator learns a mean of coefficients, and no site's own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ml_assets.federated import flower
from ml_assets.federated.flower import APP
from ml_assets_tests.federated.visits import SITES, clinics, rows

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("forked")]
MASKS = """
import json, sys
sys.path.insert(0, sys.argv[1])
from flwr.common.secure_aggregation.secaggplus_utils import pseudo_rand_gen
from ml_assets_rounds import masked, secure

seed = bytes(range(32))
# The same words in another order.
other = seed[4:8] + seed[:4] + seed[8:]
both = lambda make: [make(s, 2**32, [(1,), (3,)])[1].tolist() for s in (seed, other)]
json.dump({
    "flower": both(pseudo_rand_gen),
    "own": both(masked.masks),
    "used": [side.pseudo_rand_gen is masked.masks
             for side in (masked.site_side, secure.coordinator_side)],
}, sys.stdout)
"""
WEAK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
from flwr.app import ConfigRecord, RecordDict
from ml_assets_rounds import masked

def weak(**configs):
    content = RecordDict({masked.CONFIGS: ConfigRecord(configs)})
    return masked.weak(SimpleNamespace(content=content), 4)

setup = {"stage": "setup", "sample_num": 4, "share_num": 4, "threshold": 3, "clipping_range": 8.0,
         "target_range": 2**22, "mod_range": 2**32, "max_weight": 9.0}
key = [b"1", b"2"]
json.dump([
    weak(**setup),
    weak(**setup | {"threshold": 2}),
    weak(**setup | {"sample_num": 2, "share_num": 2, "threshold": 2}),
    weak(**setup | {"sample_num": 5, "share_num": 5}),
    weak(**setup | {"mod_range": 2}),
    weak(**{"stage": "share_keys", "1": key, "2": key}),
    weak(**{"stage": "share_keys", "1": key, "2": key, "3": key}),
    weak(stage="unmask", active_nids=[1, 2], dead_nids=[2]),
    weak(stage="unmask", active_nids=[1, 2], dead_nids=[3]),
], sys.stdout)
"""


@pytest.fixture(scope="module")
def flow(forked: None, tmp_path_factory: pytest.TempPathFactory) -> flower.Flower:
    return flower.ready(tmp_path_factory.mktemp("flower"))


def _said(flow: flower.Flower, code: str) -> object:
    command = [flow.python, "-I", "-c", code, str(APP)]
    done = subprocess.run(command, env=flow.environ, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_masks_hang_on_the_whole_of_their_seed(flow: flower.Flower) -> None:
    said = _said(flow, MASKS)
    assert isinstance(said, dict)
    # Flower reduces a seed to the exclusive or of its words: why its masks are not used.
    one, other = said["flower"]
    assert one == other
    one, other = said["own"]
    assert not set(one) & set(other)
    assert said["used"] == [True, True]


def test_a_site_refuses_stages_that_would_show_it_alone(flow: flower.Flower) -> None:
    assert _said(flow, WEAK) == [
        [],
        ["2 of 4 shares, wanted more than half"],
        ["2 sites and 2 shares, wanted 3 to 4"],
        ["5 sites and 5 shares, wanted 3 to 4"],
        ["mod_range 2, wanted 4294967296"],
        ["the keys of 2 sites, wanted at least 3"],
        [],
        ["both secrets of a site"],
        [],
    ]


def test_masked_and_noisy_rounds(tmp_path: Path) -> None:
    lines = [line for number, site in enumerate(SITES) for line in rows(site, 1000, number)]
    spec = {
        "    trees: 12\n    num_leaves: 8\n    learning_rate: 0.3\n": (
            "    learner: linear\n    secure_aggregation: true\n    privacy: {epsilon: 8.0}\n"
        )
    }
    shell = clinics(tmp_path, lines, spec)
    done = shell.json("federated", "run", "stay")
    assert done["events"] == []
    assert done["privacy"]["epsilon"] == pytest.approx(8.0)
    for site in SITES:
        log = shell.json("federated", "log", "stay", site)
        stages = ["keys", "shares", "train", "unmask"]
        assert [line["kind"] for line in log["left"]] == ["query", *stages, *stages, "evaluate"]
        for line in log["left"]:
            if line["kind"] == "train":
                loss, masked, rows_ = _train((Path(log["folder"]) / line["sha256"]).read_text())
                assert set(loss) == {"loss", "held-out"}
                assert rows_["num_examples"] == done["sites"][site]["rows"]
                # Without masks they would be below 2^23.
                assert max(masked["masked_params"][1]) > 2**28
    for site, values in done["comparison"]["sites"].items():
        cost = values["federated"] - values["without_noise"]
        lines = [v for v in done["comparison"]["verdicts"] if v.startswith(f"{site}: the noise")]
        assert lines[0].startswith(f"{site}: the noise for privacy cost {cost:.4g} (")


def _train(text: str) -> tuple[dict, dict, dict]:
    """Return the loss, the masked coefficients and the number of rows of a payload."""
    found = [json.loads(line) for line in text.splitlines()]
    loss = next(part for part in found if "loss" in part)
    masked = next(part for part in found if "masked_params" in part)
    return loss, masked, next(part for part in found if "num_examples" in part)
