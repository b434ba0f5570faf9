"""The stage that builds a bundle: its files, its checksums, its archive.

Belongs here: which files there are. Does not belong here: signatures, which need a key that is
not an input of a stage (`release/write.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.faults import NotExpressible
from ml_assets.stages.release import card, supply
from ml_assets.stages.release.files import (
    ABOUT,
    FORMAT,
    SUMS,
    archive,
    json_file,
    project_code,
    sha256,
    sums,
)
from ml_assets.stages.release.model_card import model_card
from ml_assets.stages.release.onnx import TOLERANCE, missing_text, to_onnx
from ml_assets.stages.release.raw import raw_files
from ml_assets.stages.release.rows import golden, ranges
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    import pyarrow as pa

    from ml_assets.spec.release import ReleaseSpec
    from ml_assets.stages.result import Handle


PLAIN = ("score.py", "score_probability.py", "score_point.py", "score_model.py", "score_base.py")
EDGE = ("score_edge.py", "score_edge_probability.py", "score_edge_point.py", "score_edge_model.py")
ELEMENTS, APPLY, ESTIMATOR = "elements.py", "intervals.py", "estimator.py"
"""The programs of a bundle; those after the first are there where dates, times or texts are, where
predictions have intervals, and for an estimator of scikit-learn."""
INTERVALS = "intervals.json"


def release(
    spec: ReleaseSpec,
    *,
    family: Any,
    model: Handle,
    metrics: Handle,
    report: Handle,
    folds: Mapping[str, Handle],
    features: Mapping[str, Handle],
    accounts: Mapping[str, Mapping[str, Handle]],
    limits: Handle | None = None,
    coverage: Handle | None = None,
    rows: Mapping[str, Any] | None = None,
) -> Result:
    """Return `bundle` (the archive's bytes) and `manifest` (JSON: each file's size and digest).

    `family` is the module that predicts; `folds` are the row references of train, validation and
    test into `features`; `accounts` is the row accounting of each dataset by batch. `limits` and
    `coverage` are those of prediction intervals, if there are any; `rows` are the `tables`, `joins`
    and `snapshots` of raw rows (see `raw`).
    """
    document, figures = model.json(), metrics.json()
    references = {name: handle.table() for name, handle in folds.items()}
    content, why = _onnx(document)
    unusable = _unusable(document, content)
    shipped = {name: text.encode() for name, text in spec.files.items() if name not in unusable}
    said = f"There is no `model.onnx`: {why}." if why else ""
    learned = [references["train"], references["validation"]]
    counts = {name: _by_batch(table) for name, table in references.items()}
    books = {
        dataset: {batch: handle.json() for batch, handle in batches.items()}
        for dataset, batches in accounts.items()
    }
    limit = None if limits is None else limits.json()
    covered = None if coverage is None else coverage.json()
    inputs, predictions = golden(
        document, family, references["test"], features, spec.sensitive, limit
    )
    files = {
        **shipped,
        ABOUT: json_file(_about(spec, document, sorted(shipped), why)),
        "model.json": json_file(document),
        "schema.json": json_file(
            schema(spec, document, ranges(learned, features, document["columns"]))
        ),
        "golden.csv": inputs,
        "golden_predictions.csv": predictions,
        "evaluation_report.html": report.bytes(),
        "metrics.json": json_file(figures),
        "MODEL_CARD.md": card.card(spec, document, figures, counts, books, said, covered),
        "README.md": card.readme(spec, document["family"], said),
        "lineage.json": json_file(spec.lineage),
        "promotion.json": json_file(spec.promotion),
        "sbom.cdx.json": json_file(
            supply.sbom(spec, model_card(spec, document, figures, counts, said))
        ),
    }
    if content is not None:
        files["model.onnx"] = content
    if rows is not None and spec.rows is not None:
        parts = (rows["tables"], rows["joins"], rows["snapshots"])
        files |= raw_files(spec.rows, document, family, *parts)
    if limit is not None:
        files[INTERVALS] = json_file(limit | {"test": _on_test(covered)})
    files["provenance.json"] = json_file(supply.provenance(spec, files))
    files[SUMS] = sums(files)
    manifest = {
        name: {"bytes": len(data), "sha256": sha256(data)} for name, data in sorted(files.items())
    }
    bundle = archive(f"{spec.model}-{spec.version}", files)
    facts: dict[str, Any] = {"bytes": len(bundle), "files": len(files)}
    facts["onnx"] = why or "model.onnx"
    if spec.rows is not None:
        facts["code"] = project_code(spec.rows.modules)
    return Result({"bundle": bundle, "manifest": manifest}, facts)


def _on_test(coverage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the coverage of intervals on all test rows, in words and figures."""
    if coverage is None:
        return None
    return {name: coverage[name] for name in ("text", "calibrated", "all") if name in coverage}


def _unusable(document: Mapping[str, Any], onnx: bytes | None) -> tuple[str, ...]:
    """Return the programs that cannot score the model: they lack custom families."""
    edge = () if onnx is not None else (*EDGE, "requirements-edge.txt")
    if document["source"]:
        return (*edge, *PLAIN, ELEMENTS, APPLY, "requirements.txt")
    return edge


def schema(
    spec: ReleaseSpec, model: Mapping[str, Any], seen: Mapping[str, list[float] | None]
) -> dict[str, Any]:
    """Return the model's inputs and output; no values of sensitive features."""
    columns = []
    for name, kind in sorted(model["columns"].items()):
        column = spec.columns[name]
        entry: dict[str, Any] = {
            "name": name,
            "type": kind,
            "unit": column.unit,
            "description": column.description,
            "sources": list(column.sources),
            "nullable": True,
        }
        if name in spec.sensitive:
            entry["sensitive"] = True
        elif kind == "category":
            entry["categories"] = list(model["categories"][name])
        elif name in seen:
            entry["range"] = seen[name]
        columns.append(entry)
    return {
        "columns": columns,
        "missing": {"csv": "", "onnx_category": missing_text(model), "onnx_number": "NaN"},
        "prediction": {
            "target": spec.target,
            "unit": spec.target_unit,
            "task": spec.task,
            "columns": list(model["classes"]) or ["prediction"],
            "means": "value" if spec.task == "regression" else "probability",
            **({"threshold": model["threshold"]} if "threshold" in model else {}),
        },
    }


def _onnx(document: Mapping[str, Any]) -> tuple[bytes | None, str]:
    try:
        return to_onnx(document), ""
    except NotExpressible as error:
        return None, str(error)


def _about(
    spec: ReleaseSpec, model: Mapping[str, Any], scoring: Sequence[str], why: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": spec.model,
        "version": spec.version,
        "candidate": spec.candidate,
        "task": spec.task,
        "family": model["family"],
        "onnx": {"file": None, "reason": why} if why else {"file": "model.onnx"},
        "scoring": list(scoring),
        "tolerance": TOLERANCE,
    }


def _by_batch(references: pa.Table) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in references.select(["batch", "start", "stop"]).to_pylist():
        counts[row["batch"]] = counts.get(row["batch"], 0) + row["stop"] - row["start"]
    return dict(sorted(counts.items()))
