"""The model card of a bundle as CycloneDX has it, for programs; `card` writes the one for people.

Belongs here: which figures and texts go where in `modelCard` (CycloneDX 1.5 and later). Does not
belong here: computing figures, the rest of the SBOM (`supply`).

The classes of cyclonedx-python-lib do not have model cards yet, so this is plain JSON; a test
checks it against the schema that the library ships.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.stages.release.card import limits

if TYPE_CHECKING:
    from ml_assets.spec.release import ReleaseSpec

Document = Mapping[str, Any]


def model_card(
    spec: ReleaseSpec,
    model: Document,
    metrics: Document,
    rows: Mapping[str, Mapping[str, int]],
    onnx_note: str,
) -> dict[str, Any]:
    """Return the card; `rows` is rows by batch of each fold, `onnx_note` why there is no ONNX."""
    when = f", predicted at {spec.predict_at}" if spec.predict_at else ""
    use = f"{spec.task.capitalize()} of {spec.target}{when}, for rows as in {spec.dataset}."
    out = model["classes"] or [f"{spec.target} [{spec.target_unit}]" if spec.target_unit else None]
    return {
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": spec.task,
            "architectureFamily": model["family"],
            "datasets": [_dataset(spec, name, rows) for name in (spec.dataset, *spec.joins)],
            "inputs": [
                {"format": _input(name, kind, spec.columns[name].unit)}
                for name, kind in sorted(model["columns"].items())
            ],
            "outputs": [{"format": name or spec.target} for name in out],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_figures(metrics))},
        "considerations": {
            "users": list(spec.owners),
            "useCases": [text for text in (spec.description, use) if text],
            "technicalLimitations": limits(spec, model, metrics, onnx_note),
        },
        "properties": [
            {"name": "ml_assets:candidate", "value": spec.candidate},
            {"name": "ml_assets:promotion", "value": str(spec.promotion.get("hash", ""))},
        ],
    }


def _dataset(spec: ReleaseSpec, name: str, rows: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """Return a dataset: its landed files by digest, and of the model's own the rows by fold."""
    said = [
        {
            "name": f"ml_assets:landed:{item['batch'] or 'snapshot'}",
            "value": f"{item['file']} {item['digest']}",
        }
        for item in spec.lineage["landed"]
        if item["dataset"] == name
    ]
    if name == spec.dataset:
        said += [
            {"name": f"ml_assets:rows:{fold}", "value": str(sum(batches.values()))}
            for fold, batches in rows.items()
        ]
    return {"type": "dataset", "name": name, "contents": {"properties": said}}


def _input(name: str, kind: str, unit: str | None) -> str:
    return f"{name}: {kind}" + (f" [{unit}]" if unit else "")


def _figures(metrics: Document) -> Iterator[dict[str, Any]]:
    """Yield each metric on test, of the model and the best trivial baseline, and by slice."""
    baseline = f"test, baseline {metrics['baseline_family']}"
    for name, value in metrics["test"].items():
        yield from _figure(name, value, metrics["intervals"].get(name), "test")
        yield from _figure(name, metrics["baseline"].get(name), None, baseline)
    name = metrics["metric"]
    for part in metrics["slices"]:
        where = f"test, {part['slice']} = {part['value']}"
        yield from _figure(name, part["metrics"].get(name), part["interval"], where)


def _figure(name: str, value: float | None, interval: Any, where: str) -> Iterator[dict[str, Any]]:
    if value is None:
        return
    figure: dict[str, Any] = {"type": name, "value": str(value), "slice": where}
    if interval and None not in interval:
        ends = map(str, interval)
        figure["confidenceInterval"] = dict(zip(("lowerBound", "upperBound"), ends, strict=True))
    yield figure
