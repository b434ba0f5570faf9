"""Check: is every landed record in exactly one of cleaned, filtered, quarantine?

Belongs here: recounting what `clean` claims. Does not belong here: any other figure.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ml_assets.stages.result import Check, Result
from ml_assets.stages.schema import LINE, UNLABELLED

if TYPE_CHECKING:
    from ml_assets.spec.dataset import CleanSpec
    from ml_assets.stages.result import Handle

NAME = "row_accounting"


def check(spec: CleanSpec, *, summary: Handle, cleaned: Handle, quarantine: Handle) -> Result:
    """Return the check `row_accounting`: landed = cleaned + filtered + quarantined, counted.

    Where labels come later, cleaned is labelled + unlabelled.
    """
    figures = summary.json()
    good = cleaned.table([LINE]).column(LINE).to_pylist()
    bad = quarantine.table([LINE, "rule"])
    lines = bad.column(LINE).to_pylist()
    filtered = sum(figures["filtered"].values())
    metadata = {
        "landed": figures["landed"],
        "cleaned": len(good),
        "filtered": filtered,
        "quarantined": len(lines),
    }
    kept, wrong = f"cleaned {len(good):,}", []
    if spec.labels is not None:
        reasons = cleaned.table([UNLABELLED]).column(UNLABELLED).to_pylist()
        without = Counter(reason for reason in reasons if reason is not None)
        metadata["unlabelled"] = sum(without.values())
        labelled = len(good) - metadata["unlabelled"]
        kept = f"labelled {labelled:,} + unlabelled {metadata['unlabelled']:,}"
        if without != Counter(figures["unlabelled"]):
            wrong.append("the summary counts other rows without a label than cleaned holds")
    account = (
        f"landed {figures['landed']:,}, {kept} + filtered {filtered:,} + quarantined {len(lines):,}"
    )
    if figures["landed"] != len(good) + filtered + len(lines):
        wrong.append("the sum differs from the number of landed records")
    if figures["cleaned"] != len(good):
        wrong.append(f"the summary says {figures['cleaned']:,} cleaned")
    if Counter(bad.column("rule").to_pylist()) != Counter(figures["quarantined"]):
        wrong.append("the summary counts other rules than the quarantine holds")
    if len({*good, *lines}) != len(good) + len(lines):
        wrong.append("a record is both in cleaned and quarantine, or twice in one")
    if not wrong:
        return Result({}, checks=(Check(NAME, True, account, metadata=metadata),))
    said = f"{account}: {'; '.join(wrong)}; this is a bug in ml_assets, please report it"
    return Result({}, checks=(Check(NAME, False, said, metadata=metadata),))
