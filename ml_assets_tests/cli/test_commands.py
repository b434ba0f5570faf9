"""Each command: its JSON document, its words, its exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer

from ml_assets.cli.demo import held_back
from ml_assets.cli.main import MODULES, app
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.projects import prices, sales


def test_run_document(site: Site) -> None:
    site.toy.land("sales", "2020-06", sales("2020-06", rows=40))
    found = site.json("run")
    assert set(found) >= {"run_id", "success", "seconds", "executed", "reused", "failed"}
    assert found["success"] is True
    assert found["failed"] == []
    assert "sales/cleaned@2020-06" in found["executed"]
    assert "sales/cleaned@2020-05" in found["reused"]
    assert not set(found["executed"]) & set(found["reused"])
    assert len(found["executed"]) + len(found["reused"]) == len(site.digests())
    assert isinstance(found["run_id"], str)
    assert found["seconds"] > 0


def test_the_demo_names_what_of_december_has_not_landed(tmp_path: Path) -> None:
    sample, landing = tmp_path / "sample", tmp_path / "landing"
    flights = (sample / "flights-2013-12.csv", landing / "flights")
    weather = (sample / "weather-2013-12.csv", landing / "weather")
    assert held_back(sample, landing) == [flights, weather]
    weather[1].mkdir(parents=True)
    (weather[1] / "weather-2013-12.csv").touch()
    assert held_back(sample, landing) == [flights]


def test_run_when_there_is_nothing_to_do(site: Site) -> None:
    found = site.json("run")
    assert found["run_id"] is None
    assert found["executed"] == []
    assert len(found["reused"]) == len(site.digests())
    assert site("run").out.startswith(f"nothing to do: {len(site.digests())} reused")


def test_commands_close_the_home(site: Site) -> None:
    def opened() -> list[str]:
        files = psutil.Process().open_files()
        return [file.path for file in files if Path(file.path).parent == site.home]

    assert site.json("run", "prices/raw", "--force")["success"]
    assert opened() == []
    site("run", "no/such", code=2)
    assert opened() == []
    spec = "toy/defs/sales/defs.yaml"
    site.toy.edit(spec, "quarantine_budget", "quarantine_budgte")
    assert "did you mean 'quarantine_budget'" in site("plan", code=2).err
    assert opened() == []
    site.toy.edit(spec, "quarantine_budgte", "quarantine_budget")
    with site.store():
        assert opened() != []


def test_run_of_a_selection_and_a_batch(site: Site) -> None:
    site.toy.land("prices", "2020-04", prices("2020-04", extra=0.25))
    found = site.json("run", "group:prices", "--partition", "2020-04")
    assert set(found["executed"]) == {
        f"prices/{name}@2020-04" for name in ("raw", "cleaned", "quarantine", "quality_report")
    }
    assert site.json("plan", "prices/*")["run"] == []


def test_run_force_and_verify(site: Site) -> None:
    words = ("forecast/features", "--partition", "2020-02")
    before = site.digests()
    forced = site.json("run", *words, "--force")
    assert forced["executed"] == ["forecast/features@2020-02"]
    verified = site.json("run", *words, "--verify")
    assert verified["executed"] == ["forecast/features@2020-02"]
    assert verified["success"]
    assert site.digests() == before


def test_plan_document(site: Site) -> None:
    site.toy.land("sales", "2020-06", sales("2020-06", rows=35))
    found = site.json("plan")
    run = {row["asset"]: row["reason"] for row in found["run"]}
    assert set(found) >= {"run", "maybe", "reuse"}
    assert run["sales/raw@2020-06"].startswith("input landed ")
    maybe = {row["asset"]: row for row in found["maybe"]}
    row = maybe["forecast/features@2020-06"]
    assert row["depends_on"] == ["sales/raw@2020-06"]
    assert row["reason"]
    reuse = {row["asset"]: row["reason"] for row in found["reuse"]}
    assert reuse["sales/raw@2020-01"] == "nothing changed"
    assert len(run) + len(maybe) + len(reuse) == len(site.digests())
    assert "sales/raw@2020-06" in site("plan").out
    why = site.json("why", "sales/raw@2020-06")
    assert why["cells"][0]["status"] == "run"
    assert why["cells"][0]["reason"] == run["sales/raw@2020-06"]


def test_why_nothing_runs(site: Site) -> None:
    cells = site.json("why", "forecast/candidate")["cells"]
    assert cells == [
        {"asset": "forecast/candidate", "status": "reuse", "reason": "nothing changed"}
    ]
    assert "nothing changed" in site("why", "forecast/candidate").out


def test_status_document(site: Site) -> None:
    found = site.json("status", "forecast")
    candidate = found["candidate"]
    assert set(candidate) >= {"version", "digest", "family", "metrics"}
    assert candidate["family"] == "linear"
    assert candidate["version"].startswith("v")
    assert candidate["digest"].startswith("d1:")
    metrics = candidate["metrics"]
    assert 0 < metrics["test"]["mae"] < metrics["baseline"]["mae"]
    assert Path(candidate["report"]).read_bytes().startswith(b"<!doctype html>")
    assert candidate["report"].endswith(".html")
    assert list(site.json("status")["models"]) == ["forecast"]
    assert "test mae" in site("status").out


def test_status_before_anything_ran(new_site: Site) -> None:
    assert new_site.json("status", "forecast")["candidate"] is None
    assert "no candidate yet" in new_site("status").out


def test_versions_document(site: Site) -> None:
    found = site.json("versions", "sales/cleaned", "--partition", "2020-05")
    assert [set(item) for item in found] == [{"version", "digest", "rows", "created", "run_id"}]
    item = found[0]
    assert (item["version"], item["rows"]) == ("v0", 27)
    assert item["digest"] == site.digests()["sales/cleaned@2020-05"]
    assert "v0" in site("versions", "sales/cleaned", "--partition", "2020-05").out


def test_quarantine_document(site: Site) -> None:
    nothing = {"dataset": "prices", "records": 0, "rules": [], "stale": [], "unlabelled": {}}
    assert site.json("quarantine", "prices") == nothing
    many = b"".join(b"shop%d,1\n" % number for number in range(20))
    site.toy.land("prices", "2020-07", prices("2020-07") + b" east,-4.00\n" + many)
    site.json("run", "group:prices")
    found = site.json("quarantine", "prices", "--partition", "2020-07")
    rules = {rule["rule"]: rule for rule in found["rules"]}
    assert found["records"] == sum(rule["count"] for rule in found["rules"])
    example = rules["price.range"]["examples"][0]
    assert (example["batch"], example["line"], example["column"]) == ("2020-07", 5, "price")
    # As it was delivered, not as it was read.
    assert example["text"] == " east,-4.00"
    assert "price.range" in site("quarantine", "prices").out


def test_land_and_withdraw_documents(new_site: Site, tmp_path: Path) -> None:
    file = tmp_path / "anything.csv"
    file.write_bytes(sales("2020-01"))
    assert new_site.json("land", "sales", file, "--batch", "2020-01") == {
        "landed": ["sales@2020-01"]
    }
    assert (new_site.home / "landing" / "sales" / "sales-2020-01.csv").read_bytes() == sales(
        "2020-01"
    )
    assert new_site.json("withdraw", "sales", "--batch", "2020-01", "--reason", "a test") == {
        "withdrawn": "sales@2020-01",
        "reason": "a test",
    }
    other = tmp_path / "sales-2020-02.csv"
    other.write_bytes(sales("2020-02"))
    assert "sales@2020-02" in new_site("land", "sales", other).out


def test_pause_and_resume(new_site: Site) -> None:
    assert new_site.json("pause") == {"environment": "dev", "paused": True}
    assert new_site.json("resume") == {"environment": "dev", "paused": False}
    assert "is paused" in new_site("pause").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "sales/cleand"), "did you mean 'sales/cleaned'"),
        (("run", "group:sale"), "did you mean 'sales'"),
        (("run", "sales/cleaned and"), "wanted keys, group:NAME"),
        (("run", "--partition", "2020-1"), "no batch named '2020-1'"),
        (("plan", "("), "wanted keys, group:NAME"),
        (("why", "forecast/candidat"), "did you mean 'forecast/candidate'"),
        (("versions", "sales/clened"), "did you mean 'sales/cleaned'"),
        (("versions", "sales/cleaned"), "has partitions"),
        (("versions", "sales/cleaned", "--partition", "2020-99"), "no partition"),
        (("status", "forcast"), "did you mean 'forecast'"),
        (("quarantine", "sale"), "did you mean 'sales'"),
        (("quarantine", "sales", "--partition", "1999-01"), "no batch of sales"),
        (("land", "sale", "x.csv"), "did you mean 'sales'"),
        (("land", "sales", "absent.csv"), "no such file: absent.csv"),
        (("land", "sales", "toy"), "toy is a folder with definitions.py"),
        (("repin", "sale"), "did you mean 'sales'"),
        (("withdraw", "sales", "--batch", "2020-01"), "--reason is missing"),
        (("withdraw", "sales", "--batch", "1999-01", "--reason", "x"), "no batch of sales"),
    ],
)
def test_a_wrong_request_is_explained(site: Site, words: tuple[str, ...], said: str) -> None:
    answer = site(*words, code=2)
    assert said in answer.err
    assert answer.out == ""
    document = site.json(*words, code=2)
    assert document["exit"] == 2
    assert said in document["error"]
    assert document["kind"].endswith(("error", "name"))


def test_what_is_wrong_is_said_apart_for_programs(site: Site) -> None:
    assert site.json("status", "forcast", code=2) == {
        "error": "no model named 'forcast'; did you mean 'forecast'? available: forecast",
        "kind": "unknown_name",
        "details": {"what": "model", "got": "forcast", "available": ["forecast"]},
        "exit": 2,
    }
    found = site.json("plan", "group:sale", code=2)
    assert found["kind"] == "selection_error"
    assert found["details"]["available"] == ["forecast", "prices", "sales"]


def test_mistakes_of_a_spec_are_said_one_by_one(new_site: Site) -> None:
    new_site.toy.edit("toy/defs/sales/defs.yaml", "quarantine_budget: 0.1", "quarantine_budget: 2")
    found = new_site.json("plan", code=2)
    assert found["kind"] == "spec_error"
    (mistake,) = found["details"]["mistakes"]
    assert mistake["file"].endswith("toy/defs/sales/defs.yaml")
    assert mistake["line"] > 1
    assert mistake["text"].startswith("quarantine_budget: ")


def test_repin_drops_the_pin_once(new_site: Site) -> None:
    assert "nothing is pinned for sales" in new_site("repin", "sales", code=2).err
    for found in ({"unpinned": ["reference/sales/3"]}, None):
        with new_site.store() as home:
            home.pins.keep("dev", {"reference/sales/3": ["2020-01", "2020-02", "2020-03"]})
        if found is None:
            assert "unpinned the reference of sales" in new_site("repin", "sales").out
        else:
            assert new_site.json("repin", "sales") == found


def test_an_unknown_command_and_option(site: Site) -> None:
    assert "No such command" in site("runn", code=2).err
    assert "No such option" in site("run", "--forced", code=2).err


def test_a_file_whose_name_says_no_batch(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    file.write_bytes(sales("2020-01"))
    assert "give the batch with --batch" in site("land", "sales", file, code=2).err


def test_commands_are_those_of_the_issue() -> None:
    wanted = {
        *("demo", "land", "withdraw", "run", "plan", "why", "versions", "quarantine", "status"),
        *("pause", "resume", "repair"),
    }
    assert wanted <= set(MODULES)


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys; from ml_assets.cli.main import app, MODULES\n"
        "try: app(['--help'])\n"
        "finally: assert not {f'ml_assets.cli.{m}' for m in MODULES.values()} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        first = re.escape(command.help.split()[0])
        assert re.search(rf"^\W*{name} +{first}", done.stdout, re.MULTILINE), name


def test_an_impure_hook_is_named_by_plan_and_run(new_site: Site) -> None:
    helpers = new_site.root / "toy" / "defs" / "forecast" / "helpers.py"
    helpers.write_text(helpers.read_text() + "\n\nSTART = __import__\nopen\nopen(__file__)\n")
    said = f"{helpers}:{len(helpers.read_text().splitlines())}: open reads or writes files"
    assert said in new_site("plan").err
    (found,) = new_site.json("plan")["impure"]
    assert found.startswith(said)
    assert said in new_site("run").err
