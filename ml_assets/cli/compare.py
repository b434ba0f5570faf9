"""compare: attribute the difference between two versions of a model to its causes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import home_opened
from ml_assets.cli.output import JSON, emit, guarded
from ml_assets.cli.recreate import Model
from ml_assets.errors import RequestError

Version = Annotated[str, typer.Argument(help="A version of the candidate, e.g. v3.")]


@guarded
def compare(model: Model, a: Version, b: Version, as_json: bool = JSON) -> None:
    """Attribute the difference between two versions to data, code, spec and environment.

    Example: ml-assets compare flight_delay v0 v1
    """
    from ml_assets.operations.attribution.compare import compare as explain

    names = tuple(f"v{version.strip().removeprefix('v')}" for version in (a, b))
    if names[0] == names[1]:
        raise RequestError(f"{names[0]} was given twice; name two different versions")
    workspace, home = home_opened()
    report = explain(home, workspace, model, (a, b), lambda text: err.print(styled((text, "dim"))))
    if as_json:
        emit({"model": model, "a": names[0], "b": names[1], "method": "shapley", **asdict(report)})
        return
    whole = report.values["b"] - report.values["a"]
    out.print(
        f"{report.metric} on {report.rows} rows unseen by both versions: {names[0]} "
        f"{report.values['a']:.6g}, {names[1]} {report.values['b']:.6g}, difference {whole:+.4g}"
    )
    for cause, share in report.shares.items():
        out.print(f"  {cause:14} {share:+.4g}")
    out.print(
        f"Shapley values from {report.trained} trained combinations; they add up to the difference"
    )
    for note in report.notes:
        out.print(f"  {note}")
