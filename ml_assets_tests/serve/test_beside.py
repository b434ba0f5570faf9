"""During a trial the service scores by both versions, and nothing of it reaches who asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ml_assets.engine.sealing import seal
from ml_assets.errors import SpecError
from ml_assets.history.decisions import candidate_named
from ml_assets.operations.forget.unsealed import without
from ml_assets.serve.model import LoadedChallenger, Predictor
from ml_assets.serve.recording.log import Full, RequestLog
from ml_assets.serve.recording.recorder import Recorder
from ml_assets.serve.service.beside import Beside, Job
from ml_assets.serve.service.figures import Figures
from ml_assets.spec.project import read_project
from ml_assets.spec.requests import Requests
from ml_assets.store.segments import ask_to_roll, folder_of, records, segments
from ml_assets_tests.asked import FAR, MADE, ROW, keep, sealed, write
from ml_assets_tests.engine.test_challenger import ASKED as BOTH
from ml_assets_tests.engine.test_predictions import FIRST, JUNE, MAY, first_four, unlabelled
from ml_assets_tests.engine.test_trial import GATE, june, labels, waiting
from ml_assets_tests.projects import FORECAST, Toy, copied, sales, toy_project
from ml_assets_tests.serve.serving import PREDICT, Client, serving

__all__ = ["june", "waiting"]
ASKED = f"{PREDICT}?batch=2020-06"
SPLIT = BOTH.replace("{challenger: true}", "{challenger: true, traffic: {challenger: 30%}}")
BOUND = "equivalent: 0.9, bound: [-100, 100]"


@pytest.fixture
def trial(waiting: Toy) -> Toy:
    """Give a project in which v1 is on trial beside v0, whose service keeps what it is asked."""
    keep(waiting)
    return waiting


def figure(client: Client, name: str) -> float:
    """Return a figure of the service; 0 while there is none."""
    lines = client.ask("/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def scored(client: Client, outcome: str = "scored") -> float:
    return figure(client, f'ml_assets_beside_rows_total{{model="forecast",outcome="{outcome}"}}')


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def on_trial(client: Client) -> Any:
    return client.ask("/readyz").json["models"]["forecast"].get("challenger")


def rows_of(toy: Toy) -> list[dict[str, Any]]:
    """Return the sealed rows, by the order in which they were asked."""
    planner = toy.planner()
    seal(planner.home, planner.project, MADE, FAR)
    rows = [row for day in sealed(toy).values() for row in day]
    return sorted(rows, key=lambda row: (row["request_id"], row["request_row"]))


def test_every_protocol_is_scored_by_both_and_answered_by_the_champion(trial: Toy) -> None:
    other = {**ROW, "store": "west", "promo": False}
    tensors = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
        for name, value in ROW.items()
    ]
    with serving(trial) as client:
        assert on_trial(client) == "v1"
        assert client.ask("/metrics").body.count(b'ml_assets_challenger{model="forecast"} 1.0') == 1
        native = client.ask(ASKED, [ROW, other])
        client.ask(ASKED, b"sale,day,store,promo\n7,2020-06-03,north,true\n", "text/csv")
        client.ask("/invocations", {"dataframe_records": [ROW], "params": {"batch": "2020-06"}})
        v2 = {"inputs": tensors, "parameters": {"batch": "2020-06"}}
        assert client.ask("/v2/models/forecast/infer", v2).status == 200
        until(lambda: scored(client) == 5)
        assert figure(client, "ml_assets_beside_seconds_count") == 4
    assert native.json["version"] == "v0"
    planner = trial.planner()
    challenger = LoadedChallenger(planner.home, planner.project, "forecast")
    wanted = challenger.predict([ROW, other], batch="2020-06")["prediction"].to_pylist()
    rows = rows_of(trial)
    assert [row["request_version"] for row in rows] == ["v0"] * 5
    assert [row["request_shadow_version"] for row in rows] == ["v1"] * 5
    said = [row["request_shadow_prediction"] for row in rows]
    assert said == [*wanted, wanted[0], wanted[0], wanted[0]]
    assert said[0] != native.json["predictions"][0]["prediction"]
    assert all(0 < row["request_shadow_seconds"] < 60 for row in rows)


def test_the_report_on_a_day_says_how_far_the_two_are_apart(trial: Toy) -> None:
    path = trial.root / FORECAST
    path.write_text(f"{path.read_text()}  monitoring: {{}}\n")
    trial.forget()
    with serving(trial) as client:
        for _ in range(3):
            answer = client.ask(ASKED, [ROW])
        until(lambda: scored(client) == 3)
    (row, *_) = rows_of(trial)
    apart = abs(row["request_prediction"] - row["request_shadow_prediction"])
    assert answer.status == 200
    assert apart > 0
    assert trial.make(f"group:{MADE}").faults == []
    home = trial.planner().home
    (report,) = home.records.held("dev", f"{MADE}/monitoring_report").values()
    figures = home.objects.json(report.outputs["figures"].digest)
    beside = figures["service"]["beside"]
    assert (beside["model"], beside["rows"], beside["answered"]) == ("v1", 3, 0)
    assert beside["mean_absolute_difference"] == pytest.approx(apart)
    assert set(beside["seconds"]) == {"median", "p95", "p99", "most"}
    numbers = report.facts["monitoring"]["numbers"]
    assert numbers["apart_from_challenger"] == pytest.approx(apart, rel=1e-5)
    text = home.objects.read(report.outputs["report"].digest).decode()
    assert "The other version of the trial, v1, is" in text
    assert "of 3 rows that both scored" in text
    assert "Scored beside" in text


def test_a_challenger_that_fails_fails_no_request(
    trial: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.edit(FORECAST, BOTH, SPLIT.replace("30%", "99%"))
    trial.edit(FORECAST, "equivalent: 0.9", BOUND)
    plain = Predictor.predicted

    def fails(self: Predictor, *given: Any, **more: Any) -> Any:
        if self.state.version == 1:
            raise ZeroDivisionError("of north")
        return plain(self, *given, **more)

    monkeypatch.setattr(Predictor, "predicted", fails)
    with serving(trial) as client:
        answers = [client.ask(ASKED, [ROW], X_Request_Key=str(key)) for key in range(5)]
        until(lambda: scored(client, "failed") >= 5)
        draws = ((key, client.served.drawn(key.encode())) for key in map(str, range(5, 5000)))
        beside = next(key for key, challenger in draws if challenger is None)
        client.ask(ASKED, [ROW, {**ROW, "sale": 8}], X_Request_Key=beside)
        # Each row once, whether the challenger was to answer or to score beside.
        until(lambda: scored(client, "failed") >= 7)
        assert scored(client, "failed") == 7
        assert scored(client) == 0
    assert [(a.status, a.json["version"]) for a in answers] == [(200, "v0")] * 5
    rows = rows_of(trial)
    assert [row["request_version"] for row in rows] == ["v0"] * 7
    assert {row["request_shadow_version"] for row in rows} == {None}


def test_a_damaged_challenger_is_not_scored_and_is_said(trial: Toy) -> None:
    home = trial.planner().home
    document = candidate_named(home, "forecast", "v1").outputs["model"].digest
    (file,) = (p for p in Path(home.root / "objects").rglob("*") if document[-20:] in p.name)
    content = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(content[:-9] + b"tampered!")
    with serving(trial) as client:
        said = client.ask("/readyz")
        model = said.json["models"]["forecast"]
        assert (said.status, model["version"], model["challenger"]) == (200, "v0", None)
        assert "is damaged" in model["why_no_challenger"]
        assert client.ask(ASKED, [ROW]).json["version"] == "v0"
        file.write_bytes(content)
        until(lambda: on_trial(client) == "v1")


def test_requests_are_split_by_their_key_and_say_who_answered(trial: Toy) -> None:
    trial.edit(FORECAST, BOTH, SPLIT)
    trial.edit(FORECAST, "equivalent: 0.9", BOUND)
    with serving(trial) as client:
        served = client.served
        drawn = {key: served.drawn(str(key).encode()) is not None for key in range(2000)}
        # Four standard deviations of 2,000 draws.
        assert 518 <= sum(drawn.values()) <= 682
        for key in range(12):
            for _ in range(2):
                answer = client.ask(ASKED, [ROW], X_Request_Key=str(key))
                wanted = "v1" if drawn[key] else "v0"
                assert (answer.json["version"], answer.headers["x-model-version"]) == (
                    wanted,
                    wanted,
                )
        # Without a key the body decides: the same one has the same answer.
        assert len({client.ask(ASKED, [ROW]).body.partition(b'"request_id"')[0] for _ in "ab"}) == 1
        until(lambda: scored(client) == 26)
    rows = rows_of(trial)
    pairs = {(row["request_version"], row["request_shadow_version"]) for row in rows}
    assert pairs == {("v0", "v1"), ("v1", "v0")}
    said = {
        (row[f"request_{part}version"], row[f"request_{part}prediction"])
        for row in rows
        for part in ("", "shadow_")
    }
    assert len(said) == 2, "whoever answered, each version says the same of the row"


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([], "mae needs `gate.trial.bound: [least, largest]`, of the target"),
        ([("metric: mae", "metric: r2")], "r2 has no bound; wanted `training.metric` of mae"),
        ([("30%", "0%")], "got '0%', wanted a percentage above 0 and below 100"),
        ([("30%", "0.3")], "traffic.challenger"),
        ([("mode: trial, trial: {equivalent: 0.9}, ", "")], "but gate.mode is automatic; set"),
    ],
)
def test_traffic_that_is_not_split(trial: Toy, edits: list[tuple[str, str]], said: str) -> None:
    trial.edit(FORECAST, BOTH, SPLIT)
    for old, new in edits:
        trial.edit(FORECAST, old, new)
    with pytest.raises(SpecError) as error:
        read_project(trial.root / "toy" / "defs")
    assert said in str(error.value)


def test_a_trial_begins_and_ends_by_promotion_while_clients_ask(tmp_path: Path) -> None:
    """The champion alone, then both, then the new champion alone; no request fails."""
    with toy_project(tmp_path / "project") as toy:
        first_four(toy)
        toy.edit(FORECAST, "gate: {", GATE)
        toy.edit(FORECAST, "  predict_at: opening\n", BOTH)
        keep(toy)
        assert toy.make().faults == []
        with serving(toy) as client:
            found = _while_a_trial_comes_and_goes(toy, client)
        assert {status for status, _ in found} == {200}
        assert [found[0][1], found[-1][1]] == ["v0", "v1"]
        rows = rows_of(toy)
    assert len(rows) == len(found)
    kinds = [(row["request_version"], row["request_shadow_version"]) for row in rows]
    assert (kinds[0], kinds[-1]) == (("v0", None), ("v1", None))
    assert kinds.count(("v0", "v1")) >= 10


def _while_a_trial_comes_and_goes(toy: Toy, client: Client) -> list[tuple[int, str]]:
    """Return status and version of each answer."""
    found: list[tuple[int, str]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            # Prices of June have not landed as it begins.
            answer = client.ask(f"{PREDICT}?batch={FIRST[3]}", [ROW])
            found.append((answer.status, answer.json.get("version", answer.body)))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for month, content in ((MAY, sales(MAY)), (JUNE, unlabelled(JUNE))):
            toy.land("sales", month, content)
            toy.land("prices", month)
            assert toy.make().faults == []
        until(lambda: on_trial(client) == "v1" and scored(client) >= 10)
        toy.land("sales", JUNE, labels(toy, "challenger_predictions"))
        assert toy.make().faults == []
        client.until("v1")
        until(lambda: on_trial(client) != "v1")
        count = len(found)
        until(lambda: len(found) > count + 10)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    return found


def test_days_of_before_the_trial_stay_readable(predicting: Toy, tmp_path: Path) -> None:
    with copied(predicting, tmp_path / "project") as toy:
        keep(toy)
        write(toy, "2026-03-01", "0190a7c2-0000-7000-8000-000000000001")
        planner = toy.planner()
        seal(planner.home, planner.project, MADE, FAR)
        assert toy.make(f"group:{MADE}").faults == []
        toy.edit(FORECAST, "gate: {", "gate: {mode: trial, ")
        toy.edit(FORECAST, "  predict_at: opening\n", BOTH)
        assert toy.make(f"group:{MADE}").faults == []
        home = toy.planner().home
        (day,) = home.records.held("dev", f"{MADE}/cleaned").values()
        assert (day.facts["usable"], day.facts["cleaned"]) == (True, 1)


def test_a_deletion_reaches_what_both_said(trial: Toy) -> None:
    with serving(trial) as client:
        client.ask(ASKED, [ROW, {**ROW, "sale": 8}])
        client.ask(ASKED, [{**ROW, "sale": 8}])
        until(lambda: scored(client) == 3)
    planner = trial.planner()
    (segment,) = segments(folder_of(planner.home.folder, "forecast"))
    spec = planner.project.datasets[MADE]
    left, gone = without(segment.path.read_bytes(), spec, {"sale": "8"})
    assert gone == 2
    segment.path.write_bytes(left)
    (row,) = rows_of(trial)
    assert (row["sale"], row["request_shadow_version"]) == (7, "v1")
    assert left.count(b'"beside"') == 1
    assert left.count(b"null") > 0


def test_what_both_said_stands_in_one_segment_or_the_other_is_left_out(tmp_path: Path) -> None:
    folder, noon = tmp_path / "requests" / "forecast", datetime(2026, 3, 1, 12, tzinfo=UTC)
    log = RequestLog(folder, Requests())
    first = log.append(b'{"id": "a"}', noon)
    second = log.append(b'{"id": "b"}', noon)
    log.append_beside(b'{"beside": "b"}', second)
    ask_to_roll(folder)
    log.tick(noon)
    with pytest.raises(Full, match="the segment of its request has ended"):
        log.append_beside(b'{"beside": "a"}', first)
    log.append(b'{"id": "c"}', noon)
    with pytest.raises(Full, match="the segment of its request has ended"):
        log.append_beside(b'{"beside": "a"}', first)
    log.close()
    written = [list(records(segment.path.read_bytes())) for segment in segments(folder)]
    assert sorted(written) == [
        [b'{"id": "a"}', b'{"id": "b"}', b'{"beside": "b"}'],
        [b'{"id": "c"}'],
    ]


def test_what_there_is_no_room_for_is_left_out() -> None:
    figures = Figures()
    beside = Beside(Recorder({}), figures, rows=10, size=1000)

    def job(rows: int, size: int) -> Job:
        nothing: Any = None
        return Job("forecast", "1", nothing, nothing, nothing, nothing, False, None, rows, size)

    for rows, size in ((6, 10), (6, 10), (1, 995), (4, 10)):
        beside.offer(job(rows, size))
    assert b'outcome="left_out"} 7.0' in figures.text()
