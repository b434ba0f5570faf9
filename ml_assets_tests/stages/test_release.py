"""The files of a bundle: what they say, that they are the same again, and keep secrets."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from ml_assets.engine.recipes.release import licences, programs
from ml_assets.errors import BundleError
from ml_assets.spec.families import Median
from ml_assets.stages.release import scoring, supply
from ml_assets.stages.release.files import ALWAYS, SUMS, archive, listed, sha256, sums
from ml_assets.stages.release.rows import ROWS
from ml_assets_tests.processes import ROOT
from ml_assets_tests.release.bundles import METRICS, TREES, bundle_bytes, files_of, released
from ml_assets_tests.stages.flights import World

SCORING = Path(scoring.__file__).parent


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return files_of(released())


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def test_what_is_in_a_bundle(files: dict[str, bytes]) -> None:
    assert sorted(files) == [
        "MODEL_CARD.md", "README.md", "SHA256SUMS", "bundle.json", "evaluation_report.html",
        "golden.csv", "golden_predictions.csv", "lineage.json", "metrics.json", "model.json",
        "model.onnx", "promotion.json", "provenance.json", "requirements-edge.txt",
        "requirements.txt", "sbom.cdx.json", "schema.json", "score.py", "score_edge.py",
    ]  # fmt: skip
    assert json.loads(files["bundle.json"]) == {
        "format": 1,
        "model": "delay",
        "version": "v3",
        "candidate": "d1:candidate",
        "task": "regression",
        "family": "lightgbm",
        "onnx": {"file": "model.onnx"},
        "scoring": ["requirements-edge.txt", "requirements.txt", "score.py", "score_edge.py"],
        "tolerance": 1e-9,
    }
    assert set(ALWAYS) < set(files)
    assert not [name for name in files if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_the_same_champion_gives_the_same_bytes(files: dict[str, bytes]) -> None:
    again = released()
    assert files_of(again) == files
    assert bundle_bytes(again) == archive("delay-v3", files)
    manifest = again.outputs["manifest"]
    assert manifest["score.py"] == {
        "bytes": len(files["score.py"]),
        "sha256": sha256(files["score.py"]),
    }


def test_the_checksums_are_of_all_files(files: dict[str, bytes]) -> None:
    found = listed(files[SUMS])
    assert set(found) == set(files) - {SUMS}
    assert found["model.json"] == sha256(files["model.json"])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\n", "not ASCII"),
        (b"0" * 64 + b"  a", "last line has no line break"),
        (b"A" * 64 + b"  a\n", "line 1"),
        (b"a" * 64 + b"  ../a\n", "line 1"),
        (b"a" * 64 + b"  b\n" + b"a" * 64 + b"  b\n", "line 2"),
        (b"a" * 64 + b"  b\n" + b"a" * 64 + b"  a\n", "not sorted"),
    ],
)
def test_checksums_that_are_not_as_they_are_written(content: bytes, said: str) -> None:
    with pytest.raises(BundleError, match=said):
        listed(content)


def test_checksums_are_what_sha256sum_reads() -> None:
    assert sums({"b": b"", SUMS: b"old", "a": b"x"}).decode().split("\n") == [
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  a",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b",
        "",
    ]


def test_golden_rows_are_of_test_then_unseen_then_missing(files: dict[str, bytes]) -> None:
    header, *golden = rows(files["golden.csv"])
    assert header == ["carrier", "holiday", "hour", "wind"]
    assert len(golden) == ROWS + 2
    table = World(rows=60).features["day7"].table()
    first = table.slice(0, 1).to_pylist()[0]
    assert golden[0] == [
        first["carrier"],
        str(first["holiday"]).lower(),
        str(first["hour"]),
        "" if first["wind"] is None else repr(first["wind"]),
    ]
    assert golden[-2:] == [["?unseen?", "", "", ""], ["", "", "", ""]]
    wanted = rows(files["golden_predictions.csv"])
    assert wanted[0] == ["prediction"]
    assert len(wanted) == len(golden) + 1
    assert np.isfinite([float(row[0]) for row in wanted[1:]]).all()


def test_the_schema_says_types_categories_and_ranges_in_training(files: dict[str, bytes]) -> None:
    found = json.loads(files["schema.json"])
    columns = {column["name"]: column for column in found["columns"]}
    assert columns["carrier"]["categories"] == ["AA", "DL", "UA"]
    world = World(rows=60)
    learned = [world.features[f"day{n}"].table()["hour"].to_pylist() for n in range(7)]
    hours = [hour for day in learned for hour in day]
    assert columns["hour"]["range"] == [min(hours), max(hours)]
    assert columns["wind"]["description"] == "Wind at <departure> & gusts"
    assert found["prediction"] == {
        "target": "delay",
        "unit": "min",
        "task": "regression",
        "columns": ["prediction"],
        "means": "value",
    }


def test_no_value_of_a_sensitive_feature_is_shown() -> None:
    files = files_of(released(sensitive=("carrier", "wind")))
    golden = rows(files["golden.csv"])
    assert {(row[0], row[3]) for row in golden[1:]} == {("", "")}
    assert {row[2] for row in golden[1:-2]} != {""}
    columns = {c["name"]: c for c in json.loads(files["schema.json"])["columns"]}
    assert columns["carrier"] == {
        "name": "carrier",
        "type": "category",
        "unit": None,
        "description": "",
        "sources": [],
        "nullable": True,
        "sensitive": True,
    }
    assert "range" not in columns["wind"]
    card = files["MODEL_CARD.md"].decode()
    assert "carrier, wind: derived from sensitive columns" in card
    for name in set(files) - {"model.json", "model.onnx"}:
        assert not re.search(rb"\b(AA|DL|UA)\b", files[name]), name


def test_the_card_has_use_data_metrics_slices_limits_bias_and_promotion(
    files: dict[str, bytes],
) -> None:
    card = files["MODEL_CARD.md"].decode()
    heads = [line for line in card.splitlines() if line.startswith("#")]
    assert heads == [
        "# delay v3", "## Intended use", "## Data", "## Metrics", "### By slice", "## Limits",
        "## Selection bias", "## Promotion",
    ]  # fmt: skip
    assert "| train | 360 | day0, day1, day2, day3, day4, day5 |" in card
    assert "| mae | 1.5 | 1.25 … 1.75 | 9 |" in card
    assert "| r2 | - | - | - |" in card
    assert "| origin = EWR\\|JFK (few rows) | 60 | 2 | 1 … 3 | 8 |" in card
    assert "| trips | filtered | cancelled | 20 | 10.00% |" in card
    assert "| trips | quarantined | key | 4 | 2.00% |" in card
    assert "- version: v3, the first champion\n" in card
    assert "- reason: first" in card
    assert "{" not in card


def test_a_constant_of_three_classes_without_slices_or_losses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = World("multiclass", rows=60).fit(TREES).outputs["model"]
    model = {**model, "state": {"constant": [0.5, 0.25, 0.25]}}
    monkeypatch.setitem(METRICS, "slices", [])
    result = released("multiclass", model=model)
    files = files_of(result)
    assert rows(files["golden_predictions.csv"])[:2] == [
        ["early", "late", "on time"],
        ["0.5", "0.25", "0.25"],
    ]
    card = files["MODEL_CARD.md"].decode()
    assert "Classes: early, late, on time." in card
    assert "The target was constant" in card
    assert "### By slice" not in card


def test_a_family_of_your_own_has_no_onnx_and_says_so() -> None:
    model = World(rows=60).fit(Median(family="median")).outputs["model"]
    own = {**model, "family": "custom", "source": None}
    result = released(family=Median(family="median"), model=own)
    files = files_of(result)
    assert {"model.onnx", "score_edge.py", "requirements-edge.txt"} & set(files) == set()
    said = "There is no `model.onnx`: the model is of a custom family"
    assert said in files["README.md"].decode()
    assert said in files["MODEL_CARD.md"].decode()
    assert json.loads(files["bundle.json"])["onnx"]["file"] is None
    assert "Python code ONNX cannot express" in result.metadata["onnx"]


def test_the_sbom_names_the_model_and_all_that_scoring_installs(files: dict[str, bytes]) -> None:
    found = json.loads(files["sbom.cdx.json"])
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert "serialNumber" not in found
    assert "timestamp" not in found["metadata"]
    assert found["metadata"]["component"]["type"] == "machine-learning-model"
    parts = {component["purl"]: component for component in found["components"]}
    pinned = {
        f"pkg:pypi/{name}@{version}": hashes
        for lock in ("requirements.txt", "requirements-edge.txt")
        for name, version, hashes in supply.pins(files[lock].decode())
    }
    purls = set(parts)
    assert purls == set(pinned)
    for purl, hashes in pinned.items():
        (reference,) = parts[purl]["externalReferences"]
        assert {item["content"] for item in reference["hashes"]} == set(hashes)
    names = {part["name"]: part["licenses"] for part in parts.values()}
    assert names["lightgbm"] == [{"license": {"id": "MIT"}}]
    assert names["packaging"] == [{"expression": "Apache-2.0 OR BSD-2-Clause"}]
    assert names["scipy"] == [{"license": {"name": "BSD License"}}]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(found)) is None
    main = next(d for d in found["dependencies"] if d["ref"] == "delay@v3")
    assert set(main["dependsOn"]) == purls


def test_the_sbom_has_the_model_card(files: dict[str, bytes]) -> None:
    found = json.loads(files["sbom.cdx.json"])
    card = found["metadata"]["component"]["modelCard"]
    given = card["modelParameters"]
    assert given["approach"] == {"type": "supervised"}
    assert (given["task"], given["architectureFamily"]) == ("regression", "lightgbm")
    trips, planes = given["datasets"]
    assert trips["contents"]["properties"] == [
        {"name": "ml_assets:landed:day0", "value": "day0.csv d1:aa"},
        {"name": "ml_assets:rows:train", "value": "360"},
        {"name": "ml_assets:rows:validation", "value": "60"},
        {"name": "ml_assets:rows:test", "value": "120"},
    ]
    assert (planes["type"], planes["name"]) == ("dataset", "planes")
    assert {"format": "carrier: category"} in given["inputs"]
    assert given["outputs"] == [{"format": "delay [min]"}]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {
            "type": "mae",
            "value": "1.5",
            "slice": "test",
            "confidenceInterval": {"lowerBound": "1.25", "upperBound": "1.75"},
        },
        {"type": "mae", "value": "9.0", "slice": "test, baseline median"},
        {
            "type": "mae",
            "value": "2.0",
            "slice": "test, origin = EWR|JFK",
            "confidenceInterval": {"lowerBound": "1.0", "upperBound": "3.0"},
        },
    ]
    said = card["considerations"]
    assert said["users"] == ["team:trips"]
    assert "r2 has no value" in said["technicalLimitations"]
    # The validator does look into the card.
    wrong = {**found, "metadata": {"component": {**found["metadata"]["component"]}}}
    wrong["metadata"]["component"]["modelCard"] = {**card, "modelParameter": {}}
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(wrong)) is not None


def test_the_provenance_is_of_every_file_and_every_input(files: dict[str, bytes]) -> None:
    found = json.loads(files["provenance.json"])
    subjects = {item["name"]: item["digest"]["sha256"] for item in found["subject"]}
    assert subjects == {
        name: sha256(content)
        for name, content in files.items()
        if name not in ("provenance.json", SUMS)
    }
    build = found["predicate"]["buildDefinition"]
    assert build["externalParameters"] == {"model": "delay", "version": "v3"}
    assert build["resolvedDependencies"] == [
        {"name": "landed/trips/day0/day0.csv", "digest": {"ml_assets.d1": "aa"}},
        {"name": "landed/planes/snapshot/planes.csv", "digest": {"ml_assets.d1": "bb"}},
        {"name": "code/acme.features", "digest": {"ml_assets.ast-sha256": "cc"}},
    ]
    text = files["provenance.json"].decode()
    assert "startedOn" not in text
    assert "finishedOn" not in text


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found - set(sys.stdlib_module_names)


def test_the_programs_import_what_their_locks_hold_and_nothing_else() -> None:
    assert imports(SCORING / "score_base.py") == {"numpy", "lightgbm"}
    assert imports(SCORING / "score.py") == {"numpy"}
    assert imports(SCORING / "score_edge.py") == {"numpy", "onnxruntime"}
    names = {name: pinned(name) for name in ("lightgbm", "numpy", "onnxruntime")}
    assert set(names["numpy"]) == {"numpy"}
    assert set(names["lightgbm"]) == {"lightgbm", "narwhals", "numpy", "scipy"}
    assert set(names["onnxruntime"]) >= {"numpy", "onnxruntime"}
    heavy = {"dagster", "mlflow", "pandas", "pyarrow", "scikit-learn", "ml-assets"}
    assert not heavy & {name for lock in names.values() for name in lock}


def test_only_trees_need_lightgbm() -> None:
    assert programs("lightgbm_tuned")["requirements.txt"] == text("lightgbm.txt")
    assert programs("linear")["requirements.txt"] == text("numpy.txt")
    assert programs("blend", members=["linear", "catboost"])["requirements.txt"] == text(
        "numpy.txt"
    )
    of_trees = programs("blend", members=["linear", "lightgbm"])
    assert of_trees["requirements.txt"] == text("lightgbm.txt")


def test_families_of_the_first_format_have_a_program_of_one_file() -> None:
    base, trees = text("score_base.py"), text("score.py")
    assert programs("linear")["score.py"] == base
    assert programs("catboost") | {"score.py": base} == programs("linear") | {"score_base.py": base}
    assert programs("catboost")["score.py"] == trees
    prepared = programs("catboost", ["date"])
    assert prepared["score.py"] == text("score_prepared.py")
    assert (prepared["score_model.py"], prepared["score_base.py"]) == (trees, base)


def test_programs_that_take_times_apart_are_shipped_where_there_are_times() -> None:
    plain, prepared = programs("linear", ["number", "category"]), programs("linear", ["date"])
    assert plain == programs("linear")
    assert sorted(set(prepared) - set(plain)) == [
        "elements.py", "score_edge_model.py", "score_model.py"
    ]  # fmt: skip
    assert prepared["score_model.py"] == plain["score.py"]
    assert prepared["score_edge_model.py"] == plain["score_edge.py"]
    assert imports(SCORING / "score_prepared.py") == set()
    assert imports(SCORING / "score_edge_prepared.py") == {"onnxruntime"}
    assert imports(SCORING.parents[1] / "train" / "elements.py") == {"numpy"}


def test_the_program_of_intervals_calls_those_of_predictions_as_they_are() -> None:
    plain, found = programs("linear", ["date"]), programs("linear", ["date"], intervals=True)
    assert sorted(set(found) - set(plain)) == [
        "intervals.py", "score_edge_point.py", "score_point.py"
    ]  # fmt: skip
    assert found["score_point.py"] == plain["score.py"]
    assert found["score_edge_point.py"] == plain["score_edge.py"]
    assert found["score.py"] == found["score_edge.py"] == text("score_intervals.py")
    assert imports(SCORING / "score_intervals.py") == {"numpy"}
    assert imports(SCORING.parents[1] / "intervals" / "apply.py") == {"numpy"}


@pytest.mark.parametrize("name", ["lightgbm", "numpy", "onnxruntime"])
def test_the_locks_are_a_part_of_the_projects_own(name: str) -> None:
    whole = {
        n: (v, set(h)) for n, v, h in supply.pins((ROOT / "requirements/base.txt").read_text())
    }
    mine = pinned(name)
    assert mine.items() <= whole.items(), "stale: make lock"
    wanted = [line for line in text(f"{name}.in").splitlines() if not line.startswith("#")]
    assert set(wanted) <= set(mine), "stale: make lock"


def test_every_package_of_a_lock_has_a_licence() -> None:
    names = {name for lock in ("lightgbm", "numpy", "onnxruntime", "rows") for name in pinned(lock)}
    assert set(licences()) == names, "stale: make lock"


def pinned(name: str) -> dict[str, tuple[str, set[str]]]:
    return {n: (version, set(h)) for n, version, h in supply.pins(text(f"{name}.txt"))}


def text(name: str) -> Any:
    return (SCORING / name).read_text(encoding="utf-8")
