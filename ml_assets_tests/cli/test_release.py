"""release and verify: documents, words, exit codes; on the toy project's champion."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from ml_assets.adapters.bundle_sign import KEY
from ml_assets_tests.cli.shell import Site


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("releases")


@pytest.fixture(scope="module")
def bundle(site: Site, out: Path) -> Path:
    """The bundle of the champion, as a directory."""
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


def test_release_document_and_the_same_bytes_again(site: Site, bundle: Path, out: Path) -> None:
    found = site.json("release", "forecast", "--out", out / "again")
    archive = Path(found["archive"])
    assert found == {
        "model": "forecast",
        "version": "v0",
        "directory": str(out / "again" / "forecast-v0"),
        "archive": str(out / "again" / "forecast-v0.zip"),
        "bytes": archive.stat().st_size,
        "signed": False,
        "onnx": {"file": "model.onnx"},
    }
    assert archive.read_bytes() == (out / "forecast-v0.zip").read_bytes()
    said = site("release", "forecast", "--out", out, "--version", "v0").out
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
    found = site.json("verify", bundle)
    assert found["verified"] is True
    assert (found["bundle"], found["signature"], found["problems"]) == ("forecast-v0", "none", [])
    assert [item["program"] for item in found["scored"]] == ["score.py", "score_edge.py"]
    said = site("verify", bundle.with_name("forecast-v0.zip")).out
    assert "files as they were written" in said
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


def test_signed_and_verified_with_the_public_key(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pub").write_bytes(public)
    environ = {**site.environ(), KEY: str(tmp_path / "key.pem")}
    monkeypatch.setattr(site, "environ", lambda env="dev": environ)
    found = site.json("release", "forecast", "--out", tmp_path)
    (tmp_path / "key.pem").write_text("junk")
    said = site("release", "forecast", "--out", tmp_path / "b", code=2).err
    assert "no private key in PEM" in said
    assert found["signed"] is True
    words = ("verify", found["archive"], "--public-key", tmp_path / "key.pub")
    assert site.json(*words)["signature"] == "trusted"
    assert "by a key that you did not name" in site("verify", found["directory"]).out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("release", "forcast"), 2, "did you mean 'forecast'?"),
        (("release", "forecast", "--version", "v9"), 2, "no version of forecast/candidate named"),
        (("verify", "/nowhere/at/all"), 2, "neither a bundle's directory nor its archive"),
        (("verify", "pyproject.toml"), 1, "pyproject.toml is no readable archive"),
    ],
)
def test_bad_requests(site: Site, out: Path, words: tuple[str, ...], code: int, said: str) -> None:
    more = ("--out", out) if words[0] == "release" else ()
    assert said in site(*words, *more, code=code).err


def test_without_a_champion_nothing_is_released(new_site: Site, tmp_path: Path) -> None:
    said = new_site("release", "forecast", "--out", tmp_path / "out", code=1).err
    assert "forecast has no champion in environment dev" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_mlflow_serves_the_champion_that_the_bundle_holds(
    site: Site, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc
    import pandas as pd

    from ml_assets.adapters.mlflow import tracking_uri

    with site.store() as home:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            monkeypatch.setenv(name, tracking_uri(home))
    types = {"promo": "boolean", "store": "str", "price": "float64", "rise": "float64"}
    frame = pd.read_csv(bundle / "golden.csv", dtype=types, keep_default_na=True)
    # What `mlflow models serve` loads and calls.
    served = mlflow.pyfunc.load_model("models:/forecast-dev@champion")
    whole = frame.notna().all(axis="columns")
    got = served.predict(frame[whole].astype({"promo": bool}))
    wanted = pd.read_csv(bundle / "golden_predictions.csv", float_precision="round_trip")
    assert whole.sum() >= 10
    assert list(got) == wanted["prediction"][whole].tolist()
