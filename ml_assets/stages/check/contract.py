"""Check: does the newest landed file satisfy the contract well enough to be used?

Belongs here: the verdict on a batch's row accounting. Does not belong here: rows (`clean`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.stages.budget import wanted
from ml_assets.stages.counted import counted
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec
from ml_assets.stages.result import Handle

NAME = "contract"


def check(spec: CleanSpec, *, summary: Handle) -> Result:
    """Return the check `contract`: failed if the batch is refused.

    Failed with severity `warn` if kept rows break a rule whose action is warn. Rows quarantined
    within the budget are reported, and pass. Not applicable to a withdrawn batch.
    """
    figures = summary.json()
    quarantined = sum(figures["quarantined"].values())
    metadata = {
        "landed": figures["landed"],
        "quarantined": quarantined,
        "by_rule": figures["quarantined"],
        "warned": figures["warned"],
        "budget": spec.quarantine_budget,
    }
    return Result({}, checks=(_verdict(spec, figures, quarantined, metadata),))


def _verdict(
    spec: CleanSpec, figures: dict[str, Any], quarantined: int, metadata: dict[str, Any]
) -> Check:
    if figures.get("withdrawn"):
        return Check(NAME, None, "the batch is withdrawn", metadata=metadata)
    if figures["refused"] is not None:
        said = f"refused, {_all(figures['landed'])} quarantined: {figures['refused']}"
        return Check(NAME, False, said, metadata=metadata)
    if not quarantined and not figures["warned"]:
        verb = "satisfies" if figures["landed"] == 1 else "satisfy"
        was = "was" if figures["landed"] == 1 else "were"
        said = f"{_all(figures['landed'])} {verb} the contract or {was} filtered"
        said = "; ".join([said, *_unlabelled(figures), *figures["warnings"]])
        return Check(NAME, True, said, metadata=metadata)
    parts = [f"{name} {rows:,}" for name, rows in figures["quarantined"].items()]
    said = f"{quarantined:,} of {figures['landed']:,} records quarantined"
    said += f" ({', '.join(parts)})" if parts else ""
    said += f", wanted {wanted(spec)}"
    if figures["warned"]:
        warned = ", ".join(f"{name} {rows:,}" for name, rows in figures["warned"].items())
        said += f"; kept with a warning: {warned}"
    said += f"; see `ml-assets quarantine {spec.dataset}`"
    passed = not figures["warned"]
    said = "; ".join([said, *_unlabelled(figures), *figures["warnings"]])
    return Check(NAME, passed, said, "warn", metadata)


def _unlabelled(figures: dict[str, Any]) -> list[str]:
    """Return what lacks its label yet, if anything does."""
    reasons = figures.get("unlabelled", {})
    if not reasons:
        return []
    listed = ", ".join(f"{reason} {rows:,}" for reason, rows in reasons.items())
    return [f"{counted(sum(reasons.values()), 'row')} without a label ({listed})"]


def _all(records: int) -> str:
    return "the only record" if records == 1 else f"all {records:,} records"
