"""diff, lineage and report, on a project with a corrected batch."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from typer.testing import CliRunner

from docs.generate.commands import every
from ml_assets.cli.main import app
from ml_assets.cli.progress import working
from ml_assets.engine.address import find
from ml_assets.engine.plan import Planner
from ml_assets.graph.report import leaderboard, report_metadata
from ml_assets.operations.diff import models
from ml_assets_tests.cli.shell import Site, toy_site
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.projects import sales


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a project in which April was corrected: each sale has one unit more, ten are new."""
    with prepared_site(tmp_path_factory, "compare", _correct) as site:
        yield site


def _correct(site: Site) -> None:
    site.toy.land("sales", "2020-04", sales("2020-04", rows=40, extra=1.0))
    assert not site.toy.make().faults


def test_diff_of_a_corrected_batch(site: Site) -> None:
    found = site.json("diff", "sales/cleaned@2020-04:v0", "sales/cleaned@2020-04")
    assert (found["a"]["version"], found["b"]["version"]) == ("v0", "v1")
    assert (found["a"]["current"], found["b"]["current"]) == (False, True)
    table = found["outputs"]["cleaned"]
    # 27 of 30 and 36 of 40 are no returns.
    assert table["rows"] == {
        "a": 27, "b": 36, "by": ["sale"], "added": 9, "removed": 0, "changed": 27,
    }  # fmt: skip
    assert table["columns_changed"] == {"units": 27}
    assert table["statistics"]["sale"]["b"]["max"] == 4038
    said = site("diff", "sales/cleaned:v0", "sales/cleaned", "--partition", "2020-04").out
    assert "cleaned: 27 → 36 rows; 9 added, 0 removed, 27 changed (by sale)" in said
    assert "units: 27 values changed" in said


def test_diff_of_a_version_with_itself(site: Site) -> None:
    found = site.json("diff", "sales/raw@2020-01", "sales/raw@2020-01:v0")
    assert found["identical"]
    assert found["outputs"] == {}
    assert "identical" in site("diff", "sales/raw@2020-01", "sales/raw@2020-01").out


def test_diff_of_two_batches_and_of_two_assets(site: Site) -> None:
    found = site.json("diff", "prices/cleaned@2020-01", "prices/cleaned@2020-02")
    rows = found["outputs"]["cleaned"]["rows"]
    assert (rows["changed"], rows["by"]) == (3, ["store"])
    other = site.json("diff", "sales/raw@2020-01", "sales/cleaned@2020-01")
    assert other["outputs"]["raw"]["rows"]["removed"] == 3


def test_diff_of_two_candidates(site: Site) -> None:
    found = site.json("diff", "forecast/candidate:v0", "forecast/candidate")["model"]
    assert found["families"] == ["linear", "linear"]
    assert found["parameters"] == []
    predictions = found["predictions"]
    # May and June are test; April is validation, and learnt from in the end.
    assert predictions["rows"] == 54
    assert predictions["identical"] < 54
    assert set(predictions["metrics"]) == {"mae", "rmse", "r2", "median_ae"}
    said = site("diff", "forecast/candidate:v0", "forecast/candidate").out
    assert "family: linear → linear" in said
    assert "of 54 common test rows identical" in said
    report = site.json("diff", "forecast/evaluation_report:v0", "forecast/evaluation_report")
    assert report["outputs"]["predictions"]["columns_changed"]["prediction"] == 54
    assert report["outputs"]["metrics"]["changed"]


def test_models_that_cannot_be_compared_say_why(site: Site) -> None:
    planner = site.toy.planner()
    a, b = (find(planner, f"forecast/candidate:{v}") for v in ("v0", "v1"))
    old = planner.home.objects.json(a.version.outputs["model"].digest)

    def why(**changed: Any) -> str:
        made = {**old, **changed}
        ref = planner.home.objects.put(made)
        outputs = {**a.version.outputs, "model": ref}
        other = replace(a, version=replace(a.version, outputs=outputs, digest="d1:other"))
        return str(models.compare(planner, other, b)["predictions"]["why"])

    assert why(columns={**old["columns"], "rain": "number"}).endswith(
        "the current features lack rain"
    )
    assert why(task="binary").endswith("the two models have different tasks or classes")
    with site.store("prod") as home:
        elsewhere = Planner(planner.workspace, home, planner.project)
        said = models.compare(elsewhere, a, b)["predictions"]["why"]
    assert said.endswith("forecast/test_split is not materialized in environment prod")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", "sales/claened@2020-01", "sales/raw"), "did you mean 'sales/cleaned'"),
        (("diff", "sales/raw", "sales/raw"), "has partitions; choose one of 2020-01"),
        (("diff", "sales/raw@2020-01:v7", "sales/raw@2020-01"), "available: v0"),
        (("diff", "@", "sales/raw@2020-01"), "wanted an asset, e.g."),
        (("diff", "sales/raw@2020-01", "forecast/candidate"), "nothing to compare"),
        (("lineage", "sales/raw@2020-01", "--partition", "2020-02"), "another"),
        (("lineage", "sales/raw@2020-01", "--openlineage", "ftp://x"), "wanted a file, or a URL"),
        (("report", "forcast"), "did you mean 'forecast'"),
        (("report", "forecast/candidate"), "evaluation_report"),
        (("report", "forecast", "--partition", "2020-01"), "no batch of"),
    ],
)
def test_a_wrong_request(site: Site, words: tuple[str, ...], said: str) -> None:
    answer = site(*words, code=2)
    assert said in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_lineage_goes_down_to_the_landed_files(site: Site) -> None:
    found = site.json("lineage", "forecast/features@2020-03")
    nodes = {node["name"]: node for node in found["nodes"]}
    assert set(nodes["forecast/features@2020-03:v0"]["inputs"]) == {
        "sales/cleaned@2020-03:v0", "prices/cleaned@2020-03:v0", "prices/cleaned@2020-02:v0",
    }  # fmt: skip
    assert nodes["sales/raw@2020-03:v0"]["inputs"] == ["sales/landing@2020-03:v0"]
    assert nodes["sales/landing@2020-03:v0"]["file"] == "sales-2020-03.csv"
    digests = site.digests()
    for node in nodes.values():
        if node["file"] is None:
            cell = node["name"].rpartition(":")[0]
            assert node["digest"] == digests[cell]
            assert node["inputs"]
            assert node["actions"][0]["stage"].startswith("ml_assets.stages.")


def test_lineage_of_a_report_and_of_an_old_version(site: Site) -> None:
    now = {n["name"] for n in site.json("lineage", "forecast/evaluation_report")["nodes"]}
    assert {"forecast/candidate:v1", "sales/landing@2020-04:v1", "sales/landing@2020-01:v0"} <= now
    # The previous candidate, with what that was made of, is an input of the report: it is compared.
    assert {"forecast/candidate:v0", "sales/landing@2020-04:v0"} <= now
    new = {n["name"] for n in site.json("lineage", "forecast/candidate:v1")["nodes"]}
    assert "sales/landing@2020-04:v0" not in new
    old = {n["name"] for n in site.json("lineage", "forecast/evaluation_report:v0")["nodes"]}
    assert "sales/landing@2020-04:v0" in old
    assert "sales/landing@2020-04:v1" not in old
    tree = site("lineage", "forecast/evaluation_report").out
    assert "sales-2020-04.csv" in tree
    assert "(inputs above)" in tree


def test_openlineage_events_to_a_file(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "events.jsonl"
    words = ("lineage", "sales/cleaned@2020-01", "--openlineage", target)
    assert "4 OpenLineage events sent" in site(*words).err
    site(*words)
    events = [json.loads(line) for line in target.read_text().splitlines()]
    assert events[:4] == events[4:]
    assert [event["eventType"] for event in events[:4]] == ["START", "COMPLETE"] * 2
    begun, cleaned = events[:2]
    assert begun["run"] == cleaned["run"]
    assert begun["eventTime"] < cleaned["eventTime"]
    assert cleaned["job"] == {"namespace": "ml_assets", "name": "sales/cleaned", "facets": {}}
    assert [item["name"] for item in cleaned["inputs"]] == ["sales/raw@2020-01"]
    version = cleaned["outputs"][0]["facets"]["version"]["datasetVersion"]
    assert version == site.digests()["sales/cleaned@2020-01"]


def test_openlineage_events_to_an_endpoint(site: Site) -> None:
    got: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        site("lineage", "sales/raw@2020-01", "--openlineage", url)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    (path, event), (_, last) = got
    assert path == "/api/v1/lineage"
    assert (event["eventType"], last["eventType"]) == ("START", "COMPLETE")
    assert event["inputs"][0]["name"] == "sales/landing@2020-01"
    # Nobody listens any more.
    answer = site("lineage", "sales/raw@2020-01", "--openlineage", url, code=1)
    assert "cannot be sent to" in answer.err


def test_report_writes_the_current_html(site: Site, tmp_path: Path) -> None:
    found = site.json("report", "forecast")
    assert found["report"] == "forecast/evaluation_report"
    assert found["version"] == "v1"
    text = Path(found["file"]).read_text()
    assert text.lstrip().lower().startswith("<!doctype html>")
    named = tmp_path / "deep" / "report.html"
    site("report", "forecast/evaluation_report", "--to", named)
    assert named.read_text() == text


def test_report_before_anything_ran(tmp_path: Path) -> None:
    with toy_site(tmp_path / "project") as site:
        assert "has no report in environment dev" in site("report", "forecast", code=1).err


def test_help_has_an_example_and_no_colours(site: Site) -> None:
    runner = CliRunner()
    for name in every():
        said = runner.invoke(app, [*name.split(), "--help"])
        assert said.exit_code == 0
        assert f"Example: ml-assets {name}" in said.stdout
        assert "\x1b" not in said.stdout
    assert "\x1b" not in site("lineage", "sales/cleaned@2020-01").out


def test_a_shell_completes_assets_and_groups(site: Site) -> None:
    def completed(line: str) -> list[str]:
        more = {"_ML_ASSETS_COMPLETE": "complete_bash", "COMP_WORDS": line}
        number = str(len(line.split(" ")) - 1)
        with site.inside():
            env = {**more, "COMP_CWORD": number}
            said = CliRunner().invoke(app, [], env=env, prog_name="ml-assets")
        return said.stdout.split()

    assert completed("ml-assets diff sales/c") == ["sales/cleaned"]
    assert completed("ml-assets report fore") == ["forecast"]
    assert completed("ml-assets land pri") == ["prices"]
    assert completed("ml-assets why forecast/ca") == ["forecast/candidate"]
    assert completed("ml-assets promote s") == []
    assert completed("ml-assets lin") == ["lineage"]


def test_what_takes_long_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with working("at once"):
        pass
    done = threading.Event()
    with working("reading", patience=0.0):
        done.wait(0.05)
    said = capfd.readouterr().err
    assert "reading …" in said
    assert "at once" not in said


def test_what_dagster_shows_of_a_candidate_and_its_report(site: Site) -> None:
    home = site.toy.planner().home
    candidate = home.records.current("dev", "forecast/candidate")
    found = home.records.current("dev", "forecast/evaluation_report")
    assert candidate is not None
    assert found is not None
    board = leaderboard(home, candidate).splitlines()
    assert board[0].startswith("| family | mae on validation |")
    assert [row.split(" |")[0].strip("| ") for row in board[2:]].count("linear **chosen**") == 1
    # Each family is a row, with the seconds of its own fit.
    assert len(board) == 2 + len(candidate.facts["families"])
    shown = report_metadata(home, site.toy.planner().project, found)
    metrics = found.facts["metrics"]
    assert shown["test_mae"] == metrics["test"]["mae"]
    assert shown["baseline_mae"] == metrics["baseline"]["mae"]
    assert Path(shown["report_file"].path).read_bytes().lower().startswith(b"<!doctype html>")
    low, high = metrics["intervals"]["mae"]
    assert f"| mae | {metrics['test']['mae']:.4g} | {low:.4g} … {high:.4g} |" in (
        shown["report"].md_str
    )
    # April was corrected, every label of it: another candidate; the one before is pinned.
    document = home.objects.json(found.outputs["change"].digest)
    first = next(v for v in home.records.versions("forecast/candidate") if v.number == 0)
    assert document["previous"] == first.digest
    assert home.pins.get("dev", f"previous/forecast/{candidate.digest}") == first.digest
    why = (
        "the two models predict different things: the target differs in 27 of 27 rows known to both"
    )
    assert shown["change"].md_str == f"Not compared: {why}."
    assert f"Not computed: {why}." in Path(shown["report_file"].path).read_text("utf-8")


def test_a_deletion_reaches_mlflow_and_dagster(site: Site) -> None:
    artifacts = site.home / "environments" / "dev" / "mlflow" / "artifacts"
    raw = dg.AssetKey(["sales", "raw"])
    assert list(artifacts.rglob("report.html"))
    models = sorted(artifacts.rglob("MLmodel"))
    with site.dagster() as instance:
        assert instance.fetch_materializations(raw, limit=1).records
    assert (
        "a tombstone is left" in site("forget", "sales", "--key", "sale=3004", "--reason", "r").out
    )
    assert not list(artifacts.rglob("report.html"))
    assert sorted(artifacts.rglob("MLmodel")) == models != []
    with site.dagster() as instance:
        assert not instance.fetch_materializations(raw, limit=1).records
    assert site("forget", "sales", "--list").out.endswith("  sales 2020-03: 1 row: r\n")
    (stone,) = site.json("forget", "sales", "--list")["tombstones"]
    assert (stone["batch"], stone["rows"], stone["reason"]) == ("2020-03", 1, "r")
    assert "no deletions are recorded for prices" in site("forget", "prices", "--list").out
