"""What became of a file that was cut into batches, as `land`, `plan` and `run` say it.

Belongs here: words and rows. Does not belong here: cutting.
"""

from __future__ import annotations

from ml_assets.cli.console import err, out, styled
from ml_assets.engine.cutting.outcome import Change, CutFile
from ml_assets.spec.cut import UNASSIGNED
from ml_assets.stages.counted import counted

MOST = 40
"""How many batches are listed; `--json` has all."""


def tell_cut(dataset: str, delivery: CutFile) -> None:
    """Print the batches that a file made or changed, with their rows before and after."""
    count = len(delivery.changes) + delivery.same
    said = f"{len(delivery.changes)} of {count} batches are new or changed"
    out.print(f"landed {dataset}: {delivery.file} has {counted(delivery.rows, 'row')}; {said}")
    width = max((len(change.batch) for change in delivery.changes), default=0)
    for change in delivery.changes[:MOST]:
        style = "yellow" if change.gone or change.replaced else "default"
        out.print(styled(f"  {change.batch:{width}}  ", (_said(change), style)))
    if len(delivery.changes) > MOST:
        out.print(f"  and {len(delivery.changes) - MOST} more; --json lists all")
    warn_cut(delivery)


def warn_cut(delivery: CutFile) -> None:
    """Print what people should look at: rows that are gone, replaced, or say no batch."""
    gone = sum(change.gone for change in delivery.changes if change.batch != UNASSIGNED)
    if gone:
        said = f"rows that landed before and are no longer in their batch: {gone:,}"
        err.print(styled(("warning", "yellow"), f" {delivery.file}: {said}"))
    if delivery.nameless:
        listed = ", ".join(f"{text} ({count:,})" for text, count in delivery.nameless.items())
        said = f"rows without a batch are kept apart as {UNASSIGNED}: {listed}"
        err.print(styled(("warning", "yellow"), f" {delivery.file}: {said}"))


def _said(change: Change) -> str:
    if not change.before:
        return f"new, {counted(change.after, 'row')}"
    parts = {"added": change.added, "replaced": change.replaced, "gone": change.gone}
    listed = ", ".join(f"{count:,} {what}" for what, count in parts.items() if count)
    return f"{change.before:,} → {counted(change.after, 'row')} ({listed})"
