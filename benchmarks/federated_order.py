"""Sites that grow trees together, or one after the other: errors on the demo's airports.

    ml-assets demo --federated
    python benchmarks/federated_order.py

Flower's bagging adds the sites' trees of a round, each for its share of rows; its cyclic strategy
has one site after the other grow trees on top of all before. Both with the project's own trees.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

MODEL = "flight_delay"


def main() -> None:
    """Prepare each airport's rows, and learn from them in Flower's environment."""
    from ml_assets.engine.plan import Planner
    from ml_assets.federated import flower, rounds, site
    from ml_assets.federated.app.ml_assets_rounds.agreement import agreed
    from ml_assets.workspace import locate

    workspace = locate()
    home = workspace.open_home()
    planner = Planner(workspace, home)
    asked = rounds.asked(planner, MODEL)
    statements, folders, homes = {}, {}, [home]
    for name in asked["sites"]:
        own = workspace.home.with_name(f"{workspace.home.name}-sites") / name
        there = replace(workspace, home=own)
        homes.append(there.open_home())
        held = Planner(there, homes[-1], planner.project)
        statements[name] = site.prepare(held, MODEL, name)
        folders[name] = str(site.folder_of(held, MODEL, name))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            flow = flower.ready(Path(scratch))
            question = {"plan": agreed(statements, asked), "folders": folders}
            path = Path(scratch) / "question.json"
            path.write_text(json.dumps(question))
            words = [flow.python, "-I", __file__, str(flower.APP), str(path)]
            subprocess.run(words, check=True)
    finally:
        for folder in folders.values():
            (Path(folder) / site.ROWS).unlink()
        for opened in homes:
            opened.close()


def learned(app: str, question: str) -> None:
    """Print a line for each way to order the sites; it runs in Flower's environment."""
    sys.path.insert(0, app)
    from ml_assets_rounds.rows import Site  # type: ignore[import-not-found]

    asked = json.loads(Path(question).read_text())
    plan = asked["plan"]
    sites = {name: Site(Path(folder), plan) for name, folder in asked["folders"].items()}
    number, names = plan["rounds"], list(sites)
    print(f"{'order':28}{'trees':>6}" + "".join(f"{name:>8}" for name in names))
    for label, rounds, turns in (
        (f"together, {number} rounds", number, False),
        (f"in turn, {number} rounds", number, True),
        (f"in turn, {number * len(names)} rounds", number * len(names), True),
    ):
        best = min(_rounds(plan, sites, rounds, turns), key=lambda found: found[0])
        values = "".join(f"{value:8.3f}" for value in best[2])
        print(f"{label:28}{best[1]:>6}{values}")


def _rounds(
    plan: dict[str, Any], sites: dict[str, Any], rounds: int, turns: bool
) -> Iterator[tuple[float, int, list[float]]]:
    """Yield after each round the mean loss on validation, the trees, the errors on test rows."""
    import numpy as np
    from ml_assets_rounds import boost, measure, payload  # type: ignore[import-not-found]
    from ml_assets_rounds.rows import widths

    names, width, trees = list(sites), len(widths(plan)), []
    weights = [plan["rows"][name] for name in names]
    bins = {(n, f): s.bins(f) for n, s in sites.items() for f in ("train", "validation", "test")}

    def said(name: str, fold: str) -> Any:
        model = json.dumps(payload.booster(trees, width, plan["start"])).encode()
        return boost.margins(model, bins[name, fold])

    for number in range(1, rounds + 1):
        asked = [names[(number - 1) % len(names)]] if turns else names
        new = []
        for name in asked:
            share = plan["rows"][name] / sum(plan["rows"][other] for other in asked)
            grown = boost.grown(
                plan,
                bins[name, "train"],
                sites[name].target("train"),
                said(name, "train"),
                least=plan["least_rows"],
                seed=number,
                threads=1,
            )
            new += payload.scaled(grown, share)
        trees += new
        errors = [
            [
                measure.measured(plan, sites[name].target(fold), said(name, fold))[plan["metric"]]
                for name in names
            ]
            for fold in ("validation", "test")
        ]
        yield float(np.average(errors[0], weights=weights)), len(trees), errors[1]


if __name__ == "__main__":
    learned(*sys.argv[1:]) if sys.argv[1:] else main()
