"""The gate's decisions on the shipped flights, as if the months of 2013 landed one by one.

    python -m benchmarks.gate_walk [MODEL]

From April on a candidate is trained for each month and decided on against the champion of then; one
that is promoted is the next champion. Serving parity is left out: it needs no champion.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import ml_assets
from benchmarks.plain import Value, prepared, trained
from ml_assets.cli.sample import write_sample
from ml_assets.spec.gate import DecideSpec
from ml_assets.spec.project import Project, read_project
from ml_assets.stages.gate.decide import decide
from ml_assets.stages.gate.words import number

PARITY = {"rows": 0, "bytes": 0, "latency": None, "checks": []}


def told(project: Project, name: str) -> DecideSpec:
    """Return what the gate is told about a model."""
    model = project.models[name]
    dataset = project.datasets[model.dataset]
    return DecideSpec(
        model=name,
        task=model.task,
        metric=model.training.metric,
        target=model.target,
        target_unit=model.target_unit,
        key=dataset.key,
        slices=model.evaluation.slices,
        gate=model.gate,
    )


def decided(
    spec: DecideSpec, month: str, made: dict[str, Any], champion: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the decision on a month's candidate."""
    before: dict[str, Any] = {}
    if champion is not None:
        before = {
            "champion": champion["value"],
            "champion_family": champion["family"],
            "champion_train": champion["folds"]["train"],
            "champion_validation": champion["folds"]["validation"],
            "champion_features": champion["features"],
        }
    found = decide(
        spec,
        family=made["family"],
        model=made["value"],
        features=made["features"],
        metrics=Value(made["metrics"]),
        parity=Value(PARITY),
        **made["folds"],
        **before,
    )
    return dict(found.outputs["decision"])


def main() -> None:
    """Print a row for each month."""
    name = sys.argv[1] if len(sys.argv) > 1 else "flight_delay"
    defs = Path(ml_assets.__file__).parent / "defs"
    project = read_project(defs)
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder))
        features = prepared(project, defs, Path(folder), name, "2013-12")
    spec = told(project, name)
    sys.stdout.write(
        "| month | unseen rows | candidate | champion | at most worse | allowed | verdict |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |\n"
    )
    champion: dict[str, Any] | None = None
    for last in list(features)[3:]:
        known = {month: table for month, table in features.items() if month <= last}
        made = trained(project, name, known)
        made |= {"features": known, "value": Value(made["model"], f"d1:{last}")}
        found = decided(spec, last, made, champion)
        if found["verdict"] == "promote":
            champion = made
        figures = found["figures"].get("unseen", {})
        shown = [
            number(spec.metric, figures.get(part))
            for part in ("candidate", "champion", "limit", "margin")
        ]
        rows = f"{figures.get('rows', 0):,}"
        sys.stdout.write(f"| {last} | {rows} | {' | '.join(shown)} | {found['verdict']} |\n")
        sys.stdout.write(f"<!-- {found['sentence']} -->\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
