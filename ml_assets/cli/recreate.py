"""recreate: rebuild a version from its id alone and compare it by hash."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ml_assets.cli.complete import models
from ml_assets.cli.console import err, out, styled
from ml_assets.cli.here import home_opened
from ml_assets.cli.output import FAILED, JSON, emit, guarded
from ml_assets.cli.progress import working

if TYPE_CHECKING:
    from ml_assets.operations.recreate.prepare import Prepared
    from ml_assets.operations.recreate.replay import Recreation

Model = Annotated[
    str, typer.Argument(help="A model, the name of its folder in defs/.", autocompletion=models)
]


@guarded
def recreate(
    model: Model,
    version: Annotated[str, typer.Argument(help="A version of the candidate, e.g. v3.")],
    as_json: bool = JSON,
) -> None:
    """Rebuild a model's version from landed bytes and stored sources; compare by hash.

    Example: ml-assets recreate flight_delay v0
    """
    from ml_assets.operations.recreate.prepare import prepare
    from ml_assets.operations.recreate.replay import DIFFERENT, IMPOSSIBLE, replay

    _, home = home_opened()
    with working(f"finding the inputs of {model} {version}"):
        prepared = prepare(home, model, version)
    for line in told(prepared):
        err.print(line)
    count, total = 0, len(prepared.closure.steps)

    def tell(name: str) -> None:
        nonlocal count
        count += 1
        err.print(styled((f"{count}/{total} {name}", "dim")))

    verdict = replay(home, prepared, tell)
    if as_json:
        emit(document(prepared, verdict))
    else:
        for line in words(prepared, verdict):
            out.print(line)
    if verdict.verdict in (DIFFERENT, IMPOSSIBLE):
        raise typer.Exit(FAILED)


def told(prepared: Prepared) -> list[str]:
    """Return the lines printed before the start: what is needed, missing or changed."""
    closure = prepared.closure
    lines = [
        f"{prepared.model} v{prepared.version.number} of {prepared.version.created}: "
        f"{len(closure.steps)} actions from {len(closure.landed)} landed files"
    ]
    lines += [f"missing: {what}" for what in prepared.missing]
    lines += [
        f"different version: {name} was {then}, now {now or 'not installed'}"
        for name, (then, now) in sorted(prepared.moved.items())
    ]
    if not prepared.missing and not prepared.moved:
        lines.append("nothing is missing; Python and all libraries are unchanged")
    return lines


def document(prepared: Prepared, verdict: Recreation) -> dict[str, Any]:
    """Return the document that `recreate --json` prints."""
    return {
        "model": prepared.model,
        "version": f"v{prepared.version.number}",
        "digest": prepared.version.digest,
        "missing": list(prepared.missing),
        "libraries": {n: {"then": t, "now": w} for n, (t, w) in sorted(prepared.moved.items())},
        "landed": len(prepared.closure.landed),
        **asdict(verdict),
    }


def words(prepared: Prepared, verdict: Recreation) -> list[str]:
    """Return the lines printed at the end."""
    from ml_assets.operations.recreate.replay import (
        IDENTICAL,
        IMPOSSIBLE,
        PREDICTION_EQUAL,
        TOLERANCE,
    )

    name = f"{prepared.model} v{prepared.version.number}"
    if verdict.verdict == IMPOSSIBLE:
        return [f"{name} cannot be recreated: inputs are missing (listed above)"]
    if verdict.verdict == IDENTICAL:
        return [f"IDENTICAL: {name}, all {verdict.actions} actions gave identical results"]
    first = verdict.differences[0]
    lines = [f"{verdict.verdict}: {name}"]
    if verdict.largest is not None:
        lines.append(
            f"predictions on its {verdict.rows} test rows differ by at most {verdict.largest:.3g}"
            + (f" (equal within {TOLERANCE:g})" if verdict.verdict == PREDICTION_EQUAL else "")
        )
    lines.append(f"first difference: {first.asset} ({first.action} {first.output})".rstrip())
    return [*lines, *(f"  {why}" for why in first.why)]
