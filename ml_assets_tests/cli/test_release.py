"""release and verify: documents, words, exit codes; on the toy project's champion."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ml_assets.adapters.mlflow.embedded import tracking_uri
from ml_assets.release.read import read
from ml_assets.release.sign import KEY
from ml_assets.release.verify import verify
from ml_assets_tests.cli.shell import Site
from ml_assets_tests.prepared import prepared_site
from ml_assets_tests.processes import ROOT


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle of the champion, as a directory; not to be changed."""
    out = tmp_path_factory.mktemp("releases")
    with prepared_site(tmp_path_factory, "released") as site:
        return Path(site.json("release", "forecast", "--out", out)["directory"])


def test_a_run_makes_the_release_of_the_champion(site: Site) -> None:
    with site.store() as home:
        champion = home.promotions.champion("dev", "forecast")
        held = home.records.current("dev", "forecast/release")
        assert champion is not None
        assert held is not None
        assert held.facts["candidate"] == champion.digest
        assert held.facts["onnx"] == "model.onnx"
        assert held.published == held.token


def test_release_document_and_the_same_bytes_again(
    site: Site, bundle: Path, tmp_path: Path
) -> None:
    found = site.json("release", "forecast", "--out", tmp_path)
    archive = Path(found["archive"])
    assert found == {
        "model": "forecast",
        "version": "v0",
        "directory": str(tmp_path / "forecast-v0"),
        "archive": str(tmp_path / "forecast-v0.zip"),
        "bytes": archive.stat().st_size,
        "signed": False,
        "onnx": {"file": "model.onnx"},
        "code": [],
    }
    assert archive.read_bytes() == bundle.with_name("forecast-v0.zip").read_bytes()
    said = site("release", "forecast", "--out", tmp_path, "--version", "v0").out
    assert "not signed: ML_ASSETS_SIGNING_KEY names no key" in said


def test_the_lineage_goes_down_to_every_landed_file(site: Site, bundle: Path) -> None:
    lineage = json.loads((bundle / "lineage.json").read_text())
    months = [f"2020-0{n}" for n in range(1, 7)]
    places = [(item["dataset"], item["batch"], item["file"]) for item in lineage["landed"]]
    assert places == [
        (name, month, f"{name}-{month}.csv") for name in ("prices", "sales") for month in months
    ]
    with site.store() as home:
        digests = {item.digest for found in home.batches.landed().values() for item in found}
    assert {item["digest"] for item in lineage["landed"]} == digests
    made = [action["makes"] for action in lineage["actions"]]
    assert made[-1].startswith("forecast/candidate#refit:")
    assert {"sales/raw@2020-01", "sales/cleaned@2020-01", "forecast/features@2020-06"} <= set(made)
    assert {action["code"] for action in lineage["actions"]} == set(lineage["code"])
    assert "toy.defs.forecast.helpers" in {name for c in lineage["code"].values() for name in c}
    assert lineage["environment"]["python"] == "3.11"
    promotion = json.loads((bundle / "promotion.json").read_text())
    assert (promotion["model"], promotion["action"], promotion["number"]) == (
        "forecast",
        "promoted",
        1,
    )
    card = (bundle / "MODEL_CARD.md").read_text()
    assert "| sales | filtered | returned |" in card


def test_verify_from_both(site: Site, bundle: Path) -> None:
    found = site.json("verify", bundle, "--this-environment")
    assert found["verified"] is True
    assert (found["bundle"], found["signature"], found["problems"]) == ("forecast-v0", "none", [])
    assert [item["program"] for item in found["scored"]] == ["score.py", "score_edge.py"]
    said = site("verify", bundle.with_name("forecast-v0.zip"), "--this-environment").out
    assert "files unchanged" in said
    assert "golden rows, to the bit" in said


def test_what_was_changed_is_named(site: Site, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / bundle.name
    shutil.copytree(bundle, copy)
    content = bytearray((copy / "model.json").read_bytes())
    content[40] ^= 1
    (copy / "model.json").write_bytes(content)
    found = site.json("verify", copy, code=1)
    assert [item["file"] for item in found["problems"]] == ["model.json"]
    assert "model.json was changed" in site("verify", copy, code=1).err
    assert found["scored"] == []


def test_signed_and_verified_with_the_public_key(site: Site, tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(public)
    site.more = {KEY: str(tmp_path / "key.pem")}
    found = site.json("release", "forecast", "--out", tmp_path)
    (tmp_path / "key.pem").write_text("junk")
    said = site("release", "forecast", "--out", tmp_path / "b", code=2).err
    assert "not a private key in PEM" in said
    assert found["signed"] is True
    words = ("--public-key", tmp_path / "key.pub", "--this-environment")
    assert site.json("verify", found["archive"], *words)["signature"] == "trusted"
    assert "with an unverified key" in site("verify", found["directory"], words[-1]).out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("release", "forcast"), 2, "did you mean 'forecast'?"),
        (("release", "forecast", "--version", "v9"), 2, "no version of forecast/candidate named"),
        (("verify", "/nowhere/at/all"), 2, "neither a bundle's directory nor its archive"),
        (("verify", "pyproject.toml"), 1, "pyproject.toml is not a readable archive"),
    ],
)
def test_bad_requests(
    site: Site, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    more = ("--out", tmp_path) if words[0] == "release" else ()
    assert said in site(*words, *more, code=code).err


def test_without_a_champion_nothing_is_released(new_site: Site, tmp_path: Path) -> None:
    said = new_site("release", "forecast", "--out", tmp_path / "out", code=1).err
    assert "forecast has no champion in environment dev" in said
    assert not (tmp_path / "out").exists()


def golden(bundle: Path) -> dict[str, Any]:
    """Return a bundle's golden rows as MLflow's server takes them."""
    kinds = {
        column["name"]: READ[column["type"]]
        for column in json.loads((bundle / "schema.json").read_text())["columns"]
    }
    with (bundle / "golden.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    data = [
        [kinds[name](text) if text else None for name, text in zip(header, row, strict=True)]
        for row in rows
    ]
    return {"columns": header, "data": data}


READ: dict[str, Callable[[str], Any]] = {
    "number": float,
    "integer": int,
    "category": str,
    "boolean": {"true": True, "false": False}.__getitem__,
}


def asked(port: int, path: str, body: Any = None) -> Any:
    """Return a server's answer, None while there is none; refusals raise."""
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=60) as response:
            return response.read().decode()
    except HTTPError as error:
        pytest.fail(f"{error.code}: {error.read().decode()}")
    except URLError:
        return None


@pytest.fixture
def port(site: Site, tmp_path: Path) -> Iterator[int]:
    """`mlflow models serve` of the champion, as its documentation has it; its port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    with site.store() as home:
        uri = tracking_uri(home)
    words = f"mlflow models serve -m models:/forecast-dev@champion --env-manager local -p {port}"
    environ = {**site.environ(), "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": uri}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *words.split()],
            cwd=tmp_path,
            env=environ,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while asked(port, "/ping") is None:
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.2)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.slow
def test_verify_scores_with_what_the_locks_name_alone(
    site: Site, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed once, used again; a damaged environment is not. Needs a package index."""
    cache = tmp_path / "cache"
    site.more = {"XDG_CACHE_HOME": str(cache)}
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    first = verify(read(bundle))
    if any("No matching distribution found" in problem.said for problem in first.problems):
        # What the locks' hashes name comes from an index, or not at all.
        pytest.skip("there is no package index to install from")
    assert first.scored[0].largest == 0.0
    places = [p for p in (cache / "ml_assets" / "environments").iterdir() if p.is_dir()]
    packages = {frozenset(p.name for p in place.glob("lib/*/site-packages/*")) for place in places}
    assert [{"numpy", "pandas", "onnxruntime"} & names for names in packages] in (
        [{"numpy"}, {"numpy", "onnxruntime"}],
        [{"numpy", "onnxruntime"}, {"numpy"}],
    )
    before = [place.stat().st_ino for place in places]
    assert site.json("verify", bundle)["verified"]
    assert [place.stat().st_ino for place in places] == before


@pytest.mark.slow
def test_mlflow_serves_the_champion_that_the_bundle_holds(bundle: Path, port: int) -> None:
    """A batch and each row alone, missing values of every type among them: to the bit."""
    rows = golden(bundle)
    wanted = [float(text) for text in (bundle / "golden_predictions.csv").read_text().split()[1:]]
    assert any(None in row for row in rows["data"])
    batch = json.loads(asked(port, "/invocations", {"dataframe_split": rows}))
    assert batch["predictions"] == wanted
    alone = [
        json.loads(asked(port, "/invocations", {"dataframe_split": {**rows, "data": [row]}}))
        for row in rows["data"]
    ]
    assert [answer["predictions"] for answer in alone] == [[value] for value in wanted]
