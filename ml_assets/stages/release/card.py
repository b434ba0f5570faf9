"""MODEL_CARD.md and README.md of a bundle.

Belongs here: words around figures that were computed elsewhere. Does not belong here: computing
figures. The sections are those of Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages.release.onnx import TOLERANCE

if TYPE_CHECKING:
    from ml_assets.spec.release import ReleaseSpec

Document = Mapping[str, Any]


def card(
    spec: ReleaseSpec,
    model: Document,
    metrics: Document,
    rows: Mapping[str, Mapping[str, int]],
    accounts: Mapping[str, Mapping[str, Document]],
    onnx_note: str,
    coverage: Document | None = None,
) -> bytes:
    """Return the model card.

    `rows` is rows by batch of each fold; `accounts` is each dataset's row accounting by batch;
    `coverage` is that of prediction intervals on test.
    """
    lines = [
        f"# {spec.model} {spec.version}",
        "",
        spec.description,
        "",
        *_use(spec, model),
        *_data(spec, rows, accounts),
        *_figures(metrics),
        *_slices(metrics),
        *_coverage(coverage),
        *_limits(limits(spec, model, metrics, onnx_note)),
        *_selection(spec, accounts),
        *_decision(spec),
    ]
    return ("\n".join(lines) + "\n").encode()


def readme(spec: ReleaseSpec, family: str, onnx_note: str) -> bytes:
    """Return what a person who has only the bundle needs to know."""
    edge = [
        "The same in plain onnxruntime, without pandas, scipy or LightGBM:",
        "",
        "```",
        "python3.11 -m venv edge",
        "edge/bin/pip install --require-hashes -r requirements-edge.txt",
        "edge/bin/python score_edge.py golden.csv",
        "```",
    ]
    plain = [
        "Scores a CSV file whose header names at least the columns in `schema.json`; an empty",
        "field is a missing value. Python 3.11 and these packages, nothing else:",
        "",
        "```",
        "python3.11 -m venv scoring",
        "scoring/bin/pip install --require-hashes -r requirements.txt",
        "scoring/bin/python score.py golden.csv",
        "```",
    ]
    own = [
        "The model's family is code of the project that trained it, and not included: score it",
        "there, or through MLflow.",
    ]
    lines = [
        f"# {spec.model} {spec.version}",
        "",
        spec.description,
        "",
        *(own if family == "custom" else plain),
        "",
        "`golden_predictions.csv` holds what the server predicts for `golden.csv`.",
        "",
        *([onnx_note] if onnx_note else edge),
        "",
        *_raw(spec),
        "| file | content |",
        "| --- | --- |",
        f"| `model.json` | the model ({family}) in the server's format: JSON, nothing pickled |",
        *([] if onnx_note else [_ONNX_ROW]),
        *([_ELEMENTS_ROW] if "elements.py" in spec.files and family != "custom" else []),
        *([_BASE_ROW] if "score_base.py" in spec.files else []),
        *([_INTERVALS_ROW] if "intervals.py" in spec.files else []),
        *([_RAW_ROW] if spec.rows is not None else []),
        "| `schema.json` | inputs: type, unit, categories, range in training; the prediction |",
        "| `golden.csv`, `golden_predictions.csv` | example rows and their predictions |",
        "| `evaluation_report.html`, `metrics.json` | the model's quality on held-out rows |",
        "| `MODEL_CARD.md` | use, data, metrics, limits |",
        "| `lineage.json` | every action from the landed files to the model, by digest |",
        "| `promotion.json` | the log's entry that made it champion |",
        "| `sbom.cdx.json`, `provenance.json` | CycloneDX; in-toto with SLSA provenance |",
        "| `SHA256SUMS` | every file's SHA-256: `sha256sum -c SHA256SUMS` |",
        "",
        "`ml-assets verify` checks all of it. If the bundle is signed, `SHA256SUMS.sig` is the",
        "Ed25519 signature of `SHA256SUMS`; with the signer's public key, without ml_assets:",
        "",
        "```",
        "openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in SHA256SUMS \\",
        "  -sigfile SHA256SUMS.sig",
        "```",
    ]
    return ("\n".join(lines) + "\n").encode()


def _raw(spec: ReleaseSpec) -> list[str]:
    """Return how raw rows are scored, where they are."""
    if spec.rows is None:
        return []
    given = [name for name in spec.rows.joined if name not in spec.rows.snapshots]
    joins = "".join(f" --join {name}=FILE" for name in given)
    return [
        "Raw rows, as they would land, need more packages and the tables that the model joins:",
        "",
        "```",
        "python3.11 -m venv rows",
        "rows/bin/pip install --require-hashes -r requirements-rows.txt",
        f"rows/bin/python score.py raw.csv{joins}",
        "```",
        "",
    ]


_RAW_ROW = (
    "| `rows.json`, `rows.zip` | how raw rows are read, cleaned and judged; the features function "
    "and all code that it reaches |"
)
_ELEMENTS_ROW = (
    "| `elements.py`, `score_model.py` | used by `score.py`: dates and times (in ISO 8601; without "
    "an offset UTC) and texts are taken apart first |"
)
_INTERVALS_ROW = (
    "| `intervals.json` | the limits of prediction intervals, or of sets of classes; "
    "`intervals.py` applies them, `score_point.py` predicts without them |"
)
_BASE_ROW = "| `score_base.py` | used by `score.py`: reads the file |"
_ONNX_ROW = (
    f"| `model.onnx` | the same with encoding in the graph; within {TOLERANCE:g} of the server |"
)


def _use(spec: ReleaseSpec, model: Document) -> list[str]:
    unit = f" [{spec.target_unit}]" if spec.target_unit else ""
    when = f", predicted at {spec.predict_at}" if spec.predict_at else ""
    classes = f" Classes: {', '.join(model['classes'])}." if model["classes"] else ""
    return [
        "## Intended use",
        "",
        f"{spec.task.capitalize()} of `{spec.target}`{unit}{when}, for rows as in `{spec.dataset}`."
        + classes,
        f"Family: {model['family']}. Owners: {', '.join(spec.owners) or 'not stated'}.",
        "",
        "Not for rows unlike the data below, for features computed in another way, or for",
        "values that are known only after the moment of prediction.",
        "",
    ]


def _data(
    spec: ReleaseSpec,
    rows: Mapping[str, Mapping[str, int]],
    accounts: Mapping[str, Mapping[str, Document]],
) -> list[str]:
    folds = (
        (fold, f"{sum(batches.values()):,}", ", ".join(batches) or "-")
        for fold, batches in rows.items()
    )
    joined = f" joined with {', '.join(spec.joins)}" if spec.joins else ""
    return [
        "## Data",
        "",
        f"`{spec.dataset}`{joined}; `lineage.json` has the digest of every landed file.",
        "",
        *_table(("fold", "rows", "batches"), folds),
    ]


def _figures(metrics: Document) -> list[str]:
    level = f"{metrics['level']:.0%} interval"
    rows = (
        (name, _shown(value), _interval(metrics["intervals"].get(name)), _shown(base))
        for name, value in metrics["test"].items()
        for base in [metrics["baseline"].get(name)]
    )
    return [
        "## Metrics",
        "",
        f"On {metrics['rows']:,} rows of the test fold, with the best trivial baseline "
        f"({metrics['baseline_family']}). {metrics['bootstrap']}.",
        "",
        *_table(("metric", "model", level, "baseline"), rows),
    ]


def _slices(metrics: Document) -> list[str]:
    parts = metrics["slices"]
    if not parts:
        return []
    name = metrics["metric"]
    rows = (
        (
            f"{part['slice']} = {part['value']}" + (" (few rows)" if part["few"] else ""),
            f"{part['rows']:,}",
            _shown(part["metrics"].get(name)),
            _interval(part["interval"]),
            _shown(part["baseline"]),
        )
        for part in parts
    )
    return ["### By slice", "", *_table(("slice", "rows", name, "interval", "baseline"), rows)]


def _coverage(coverage: Document | None) -> list[str]:
    if coverage is None:
        return []
    said = f"{coverage['text'][0].upper()}{coverage['text'][1:]}."
    lines = [
        "### Prediction intervals" if coverage["task"] == "regression" else "### Prediction sets"
    ]
    rows = (
        (
            "all" if part is coverage["all"] else str(part["value"]),
            f"{part['rows']:,}",
            f"{part['share']:.1%}",
            "{:.1%} … {:.1%}".format(*(part["days"] or part["exact"])),
            _shown(part["size"]),
        )
        for part in ([coverage["all"], *coverage["batches"]] if "all" in coverage else [])
    )
    size = "mean width" if coverage["task"] == "regression" else "mean classes"
    table = _table(("test rows", "rows", "covered", "interval", size), rows)
    return [*lines, "", said, "", *(table if "all" in coverage else [])]


def limits(spec: ReleaseSpec, model: Document, metrics: Document, onnx_note: str) -> list[str]:
    """Return what a user of the model should know, a sentence each."""
    lines = [
        "The model has seen nothing outside the ranges and categories in `schema.json`.",
        "A category that the model has not seen counts as missing.",
        *metrics["notes"],
    ]
    if spec.sensitive:
        lines.append(
            f"{', '.join(spec.sensitive)}: derived from sensitive columns. Golden rows, ranges "
            "and lists omit their values; the model itself holds the categories it needs."
        )
    for name, reason in spec.acknowledged.items():
        lines.append(f"`{name}` is close to the target, which was acknowledged: {reason}")
    if onnx_note:
        lines.append(onnx_note)
    if "constant" in model["state"]:
        lines.append("The target was constant in training: the model always predicts that value.")
    return lines


def _limits(said: Sequence[str]) -> list[str]:
    return ["## Limits", "", *(f"- {line}" for line in said), ""]


def _selection(spec: ReleaseSpec, accounts: Mapping[str, Mapping[str, Document]]) -> list[str]:
    rows = []
    for dataset, batches in sorted(accounts.items()):
        landed = sum(item["landed"] for item in batches.values())
        for what in ("filtered", "quarantined", "unlabelled"):
            counts: dict[str, int] = {}
            for item in batches.values():
                for rule, count in item.get(what, {}).items():
                    counts[rule] = counts.get(rule, 0) + count
            rows += [
                (dataset, what, rule, f"{count:,}", f"{count / landed:.2%}" if landed else "-")
                for rule, count in sorted(counts.items())
            ]
    if not rows:
        said = ["No record of the training batches was left out."]
        return ["## Selection bias", "", *said, ""]
    return [
        "## Selection bias",
        "",
        "Left out before training, so the model knows nothing of such rows:",
        "",
        *_table(("dataset", "what", "rule", "records", "of landed"), rows),
    ]


def _decision(spec: ReleaseSpec) -> list[str]:
    entry = spec.promotion
    before = entry.get("previous")
    said = {
        "version": f"v{entry['version']}, "
        + (f"after v{before['version']}" if before else "the first champion"),
        "entry": f"{entry['number']} of the promotion log of {entry['model']} in {entry['env']}",
        "time": entry["at"],
        "actor": entry["actor"],
        "action": entry["action"],
        "reason": entry["reason"],
    }
    return [
        "## Promotion",
        "",
        "The entry that first made it champion; `promotion.json` has the evidence and the hashes:",
        "",
        *(f"- {name}: {value}" for name, value in said.items()),
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    ] + [""]


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _interval(pair: Sequence[float | None] | None) -> str:
    return "-" if not pair or None in pair else f"{_shown(pair[0])} … {_shown(pair[1])}"
