"""Release bundles as they are served: no home, no project; only what is whole and right."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ml_assets.cli.main import app
from ml_assets.cli.release import bundle_of
from ml_assets.errors import RequestError
from ml_assets.release.read import unpacked
from ml_assets.release.write import write
from ml_assets.serve.model import load
from ml_assets.serve.service.bundled import served_of
from ml_assets.serve.service.served import Served
from ml_assets.serve.service.start import create
from ml_assets.serve.service.worker_settings import SETTINGS, Bundles, WorkerSettings
from ml_assets.stages.release.files import SUMS, sha256, sums
from ml_assets.store.key_file import keys_in
from ml_assets_tests.projects import FORECAST, Toy, copied, prices, sales
from ml_assets_tests.serve.serving import PREDICT, listening, running
from ml_assets_tests.serve.test_access import bearer

BATCH = "2020-06"


@pytest.fixture(scope="module")
def toy(predicting: Toy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toy]:
    """Give a project whose bundle scores raw rows."""
    with copied(predicting, tmp_path_factory.mktemp("released") / "project") as found:
        found.edit(FORECAST, "  split: {", "  release: {rows: true}\n  split: {")
        yield found


@pytest.fixture(scope="module")
def whole(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give its bundle, which no test changes."""
    made = unpacked(bundle_of(toy.planner(), "forecast", None), "forecast")
    return write(tmp_path_factory.mktemp("bundle"), made.folder, made.files)[0]


@pytest.fixture(scope="module")
def joins(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Give the files that the model is joined with."""
    found, folder = [], tmp_path_factory.mktemp("joined")
    for month in ("2020-03", "2020-04", "2020-05", BATCH):
        path = folder / f"prices-{month}.csv"
        path.write_bytes(prices(month))
        found.append(f"prices={path}")
    return found


@pytest.fixture
def bundle(whole: Path, tmp_path: Path) -> Path:
    """Give a copy of the bundle."""
    return shutil.copytree(whole, tmp_path / whole.name)


def refused(*paths: Path, joins: list[str], key: Path | None = None) -> str:
    """Return why bundles are not served."""
    with pytest.raises(RequestError) as caught:
        served_of(Bundles([str(p) for p in paths], joins, None if key is None else str(key)))
    return str(caught.value)


def test_a_bundle_answers_as_its_home_does(toy: Toy, bundle: Path, joins: list[str]) -> None:
    lines = [line.split(",") for line in sales(BATCH).decode().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    planner = toy.planner()
    wanted = load(planner.home, planner.project, "forecast").predict(rows, batch=BATCH)
    (served,) = served_of(Bundles([str(bundle)], joins, None))
    with running([served]) as client:
        found = client.ask(f"{PREDICT}?batch={BATCH}", rows).json
        assert found["version"] == "v0"
        assert [row["prediction"] for row in found["predictions"]] == (
            wanted["prediction"].to_pylist()
        )
        alone = [client.ask(f"{PREDICT}?batch={BATCH}", [row]).json for row in rows[:3]]
        assert [one["predictions"] for one in alone] == [[p] for p in found["predictions"][:3]]
        example = client.ask("/v1/models/forecast").json["example"]
        assert client.ask(PREDICT, example).status == 200
        assert client.ask("/readyz").json["models"]["forecast"] == {"version": "v0", "why": None}
        assert b'ml_assets_version{model="forecast"} 0.0' in client.ask("/metrics").body
        assert client.ask("/").status == 200


def test_a_damaged_or_foreign_folder_is_not_served(
    bundle: Path, joins: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("hello")
    assert refused(bundle, tmp_path / "none", other, joins=joins).splitlines() == [
        f"{tmp_path / 'none'}: {tmp_path / 'none'} is neither a bundle's directory nor its archive",
        f"{other}: {SUMS} is missing",
    ]
    model = (bundle / "model.json").read_bytes()
    (bundle / "model.json").write_bytes(model[:-2] + b" \n")
    assert "model.json was changed: its bytes are not those that SHA256SUMS lists" in refused(
        bundle, joins=joins
    )
    (bundle / "model.json").unlink()
    assert "model.json is listed in SHA256SUMS but missing" in refused(bundle, joins=joins)


def test_joined_files_and_twins(bundle: Path, whole: Path, joins: list[str]) -> None:
    assert "the model is joined with prices: give --join prices=FILE" in refused(bundle, joins=[])
    assert "--join price: the models join prices" in refused(bundle, joins=[*joins, "price=x"])
    assert "wanted --join NAME=FILE" in refused(bundle, joins=["prices"])
    assert "forecast: several bundles of one model" in refused(bundle, whole, joins=joins)


def test_golden_rows_must_have_their_predictions(bundle: Path, joins: list[str]) -> None:
    files = {path.name: path.read_bytes() for path in bundle.iterdir()}
    for name in ("golden_predictions.csv", "golden_rows_predictions.csv"):
        lines = files[name].decode().splitlines()
        other = "\n".join([lines[0], "1e9", *lines[2:], ""]).encode()
        provenance = json.loads(files["provenance.json"])
        for item in provenance["subject"]:
            if item["name"] == name:
                item["digest"]["sha256"] = sha256(other)
        changed = {**files, name: other, "provenance.json": json.dumps(provenance).encode()}
        changed[SUMS] = sums(changed)
        for file in (name, "provenance.json", SUMS):
            (bundle / file).write_bytes(changed[file])
        assert f"predictions for the golden rows differ from {name} by up to 1, wanted" in refused(
            bundle, joins=joins
        )
        for file, content in files.items():
            (bundle / file).write_bytes(content)


def test_the_command_says_what_is_wrong_and_exits_with_2(bundle: Path, joins: list[str]) -> None:
    run = CliRunner()
    for arguments, wanted in {
        ("forecast", "--bundle", str(bundle)): "got models (forecast) and --bundle",
        ("--join", joins[0]): "--join, --public-key and --keys need --bundle",
        ("--bundle", str(bundle)): "give --join prices=FILE",
        ("--bundle", str(bundle), *(w for j in joins for w in ("--join", j)), "--listen", "::"): (
            "there is no access key: give --keys FILE, or pass --no-keys"
        ),
        ("--bundle", str(bundle.parent)): "is not a file; a bundle has no folders",
    }.items():
        done = run.invoke(app, ["serve", *arguments])
        assert (done.exit_code, wanted in done.output) == (2, True), done.output


def test_access_keys_of_a_file_are_followed(
    bundle: Path, joins: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "keys.json"
    run = CliRunner().invoke
    made = run(app, ["keys", "add", "shop", "--file", str(file), "--json"])
    key = json.loads(made.stdout)["key"]
    assert key not in file.read_text()
    again = run(app, ["keys", "add", "shop", "--file", str(file)])
    assert (again.exit_code, "already exists" in again.output) == (2, True)
    bundles = Bundles([str(bundle)], joins, None, str(file))
    settings = WorkerSettings([], bundles, ["*"], False, False, None, 1 << 20, 1000)
    monkeypatch.setenv(SETTINGS, settings.dump())
    with listening(create(), Served("forecast")) as client:
        example = json.loads(client.ask("/v1/models/forecast", **bearer(key)).body)["example"]
        assert client.ask(PREDICT, example).status == 401
        assert client.ask(PREDICT, example, **bearer(key)).status == 200
        file.rename(tmp_path / "away.json")
        file.write_text("{}")
        time.sleep(1.5)
        assert client.ask(PREDICT, example).status == 401, "it never opens by itself"
        (tmp_path / "away.json").rename(file)
        assert run(app, ["keys", "revoke", "shop", "--file", str(file)]).exit_code == 0
        deadline = time.monotonic() + 30
        while client.ask(PREDICT, example, **bearer(key)).status != 401:
            assert time.monotonic() < deadline
    listed = run(app, ["keys", "list", "--file", str(file), "--json"])
    assert [(k["name"], k["revoked"] is None) for k in json.loads(listed.stdout)] == [
        ("shop", False)
    ]


def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    with pytest.raises(RequestError, match="cannot be read: No such file"):
        keys_in(file)
    for text in ("[]", '{"shop": {"digest": "x"}}', "shop"):
        file.write_text(text)
        with pytest.raises(RequestError, match=r"is not a file of access keys|has no access keys"):
            keys_in(file)
