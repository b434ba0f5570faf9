"""replay: what policies of training would have cost on a model's own past."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ml_assets.cli.console import err, out, styled
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.promotions import ModelName, planner_of
from ml_assets.engine.plan import Planner


@guarded
def replay(
    model: ModelName,
    price: Annotated[
        float,
        typer.Option(
            "--price", help="What a training costs, in losses: 5000 is a loss of 1 on 5000 rows."
        ),
    ] = 0.0,
    label_delay: Annotated[
        int,
        typer.Option("--label-delay", min=0, help="How many batches later labels are there."),
    ] = 0,
    warm_up: Annotated[
        int,
        typer.Option("--warm-up", min=1, help="How many batches fix the limits of drift and loss."),
    ] = 3,
    attempt: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            help="Compare another policy: a condition such as new_rows=50000. Repeatable: any of "
            "them.",
        ),
    ] = None,
    as_json: bool = JSON,
) -> None:
    """Train the model of each batch once, and compare when it would have paid to train.

    Example: ml-assets replay flight_delay --price 5000
    """
    from ml_assets.operations.policy_past import read_policy
    from ml_assets.operations.replay.replayed import Asked, replayed

    tried = read_policy(attempt) if attempt else None
    asked = Asked(price, label_delay, warm_up, tried, " ".join(attempt or ()))
    planner = planner_of(model)
    document = replayed(planner, model, asked, lambda said: err.print(styled((said, "dim"))))
    document |= _written(planner, document)
    if as_json:
        emit(document)
    else:
        _tell(document)


def _written(planner: Planner, document: Mapping[str, Any]) -> dict[str, Any]:
    """Write the page and the plots; return their paths."""
    from ml_assets.operations.replay.page import page
    from ml_assets.operations.replay.plots import plots
    from ml_assets.store import aside
    from ml_assets.store.digest import json_digest

    lasting = {k: v for k, v in document.items() if k not in ("executed", "actions")}
    name = f"{document['model']}-{json_digest(lasting).partition(':')[2][:12]}"
    folder = planner.home.folder / "replays"
    folder.mkdir(parents=True, exist_ok=True)
    drawn = plots(document)
    aside.write(folder / f"{name}.html", page(document, drawn))
    found = {}
    for plot in drawn:
        found[plot.name] = folder / f"{name}-{plot.name}.svg"
        aside.write(found[plot.name], plot.file().encode())
    return {
        "page": str(folder / f"{name}.html"),
        "plots": {plot: str(path) for plot, path in found.items()},
    }


def _tell(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    from ml_assets.operations.replay.page import line

    first, last = document["compared"][0], document["compared"][-1]
    table = Table(title=f"{document['model']}: {document['metric']} from {first} to {last}")
    for title in ("policy", "trainings", document["metric"], "cost", "above the best"):
        table.add_column(title, justify="left" if title == "policy" else "right")
    least = min(row["cost"] for row in document["policies"][:-1])
    for row in document["policies"]:
        said = line(row)
        name = styled((said["name"], "bold")) if row["cost"] == least else said["name"]
        values = (str(said[k]) for k in ("trainings", "mean", "cost", "above"))
        table.add_row(name, *values)
    out.print(table)
    for row in document["policies"]:
        if row["parameter"]:
            out.print(styled((f"{row['name']}: {row['parameter']}", "dim")))
    for said in document["said"]:
        out.print(said)
    out.print(f"{document['executed']} actions executed of {document['actions']}")
    out.print(f"page: {document['page']}")
