"""Which answers of sites are believed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ml_assets.federated.app.ml_assets_rounds.judge import Judge, Stopped
from ml_assets.federated.app.ml_assets_rounds.payload import Lie

PLAN = {
    "rows": {"alpha": 1000, "beta": 1000, "gamma": 12},
    "task": "regression",
    "metric": "mae",
    "lambda_l2": 1.0,
    "rounds": 5,
    "privacy": None,
}
NODES = {"alpha": 1, "beta": 2, "gamma": 3}


class _Content(dict[str, Any]):
    """What Flower's records are to their readers."""

    @property
    def config_records(self) -> dict[str, Any]:
        return {name: value for name, value in self.items() if name in ("no", "config")}


class _Array:
    def __init__(self, content: bytes) -> None:
        self._content = np.frombuffer(content, dtype=np.uint8)

    def numpy(self) -> Any:
        return self._content


def answer(site: str, content: bytes = b"good", loss: float = 1.0, **more: Any) -> Any:
    record = _Content(
        arrays={"0": _Array(content)}, metrics={"loss": loss, "num-examples": 10**9}, **more
    )
    return SimpleNamespace(
        metadata=SimpleNamespace(src_node_id=NODES.get(site, 99)),
        has_error=lambda: False,
        content=record,
    )


def failed(site: str) -> Any:
    reply = answer(site)
    reply.has_error, reply.error = lambda: True, SimpleNamespace(reason="crashed")
    return reply


def refusal(site: str, why: str) -> Any:
    said = json.dumps({"site": site, "refused": why}).encode()
    return answer(site, no={"document": said})


def read(content: bytes) -> str:
    if content != b"good":
        raise Lie("a leaf of 1e+09, wanted at most 3 on either side of 0")
    return "trees"


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    made = Judge({"sites": list(NODES), "wait": 60}, tmp_path / "progress.jsonl")
    for site, node in NODES.items():
        assert made.joined({"site": site}, node, {})
    made.begin(PLAN)
    return made


def test_a_small_site_counts_for_its_rows_and_claims_do_not_count(judge: Judge) -> None:
    assert judge.told() == ["gamma: has 0.6% of all rows, and counts for as much (round 0)"]
    good = judge.believed(1, [answer(site, loss=n) for site, n in NODES.items()], read)
    assert {site: m.content["metrics"]["num-examples"] for site, (m, _) in good.items()} == (
        PLAN["rows"]
    )
    assert judge.curve == [pytest.approx((1000 * 1 + 1000 * 2 + 12 * 3) / 2012)]


def test_lies_are_not_used_and_end_a_site(judge: Judge) -> None:
    for number in (1, 2):
        good = judge.believed(
            number, [answer("alpha"), answer("beta"), answer("gamma", b"huge")], read
        )
        assert set(good) == {"alpha", "beta"}
    assert judge.told()[-1] == (
        "gamma: sent what cannot be believed, not used: a leaf of 1e+09, wanted at most 3 on "
        "either side of 0 (round 2)"
    )
    assert judge.active() == [1, 2]
    judge.believed(3, [answer("alpha"), answer("beta", loss=float("nan"))], read)
    assert judge.told()[-1].startswith("beta: sent what cannot be believed, not used: its loss")


def test_late_failing_and_unwilling_sites(judge: Judge) -> None:
    judge.believed(1, [answer("alpha"), failed("beta")], read)
    assert judge.told()[1:] == [
        "beta: failed: crashed (round 1)",
        "gamma: did not answer within 60 s (round 1)",
    ]
    # One round is forgiven.
    assert judge.active() == [1, 2, 3]
    judge.believed(2, [answer("alpha"), answer("beta"), refusal("gamma", "enough")], read)
    assert judge.told()[-1] == "gamma: said no: enough (round 2)"
    assert judge.active() == [1, 2]
    judge.believed(3, [answer("alpha"), refusal("beta", "me too")], read)
    with pytest.raises(Stopped, match=r"fewer than two sites are left:\n(.*\n)*.*said no: me too"):
        judge.active()


def test_no_answer_at_all_stops_the_rounds(judge: Judge) -> None:
    with pytest.raises(Stopped, match="no site answered in round 4"):
        judge.believed(4, [], read)


def test_a_name_is_taken_once_and_by_an_expected_site(judge: Judge) -> None:
    assert not judge.joined({"site": "alpha"}, 7, {"alpha": {}})
    assert not judge.joined({"site": "omega"}, 8, {})
    assert judge.told()[-2:] == [
        "alpha: joined twice; not asked (round 0)",
        "omega: is not a site of the spec; not asked (round 0)",
    ]


def test_coefficients_beyond_what_steps_can_make(judge: Judge) -> None:
    before = np.zeros(3)

    def with_(values: list[float], site: str) -> Any:
        return answer(site, np.array(values).tobytes())

    good = judge.believed_coefficients(
        1,
        [with_([0.1, 0, 0], "alpha"), with_([1e6, 0, 0], "beta"), with_([0, np.nan, 0], "gamma")],
        before,
    )
    assert len(good) == 1
    assert (
        "beta: sent what cannot be believed, not used: a change of length 1e+06"
        in (judge.told()[1])
    )
    assert "wanted 3 finite coefficients" in judge.told()[2]


def test_metrics_of_a_site_that_are_no_numbers(judge: Judge) -> None:
    fold = {"rows": 10, "mae": 2.0, "rmse": 3.0}
    fine = {"validation": fold, "test": fold}
    bad = {"validation": {"mae": "low"}, "test": {}}
    assert judge.measured([(fine, answer("alpha")), (bad, answer("beta"))]) == 2.0
    assert judge.sites["alpha"]["metrics"] == fine
    assert "metrics" not in judge.sites["beta"]
