"""Check: is any feature, or source of one, known only after the prediction?

Belongs here: this check. Does not belong here: withholding columns from the user's function
(`hook`), leakage visible in values (`single_feature_leakage`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.model import FeaturesSpec


def check(spec: FeaturesSpec) -> Result:
    """Failed if a feature has the name of a withheld column, or lists one in its `sources`."""
    wrong = list(_declared(spec))
    withheld = ", ".join(f"{name} ({moment})" for name, moment in spec.withheld.items())
    text = "; ".join([*wrong, f"withheld: {withheld or 'nothing'}"])
    facts = {"withheld": dict(spec.withheld)}
    return Result({}, checks=(Check("target_leakage", not wrong, text, metadata=facts),))


def _declared(spec: FeaturesSpec) -> Iterator[str]:
    """Yield the leakage visible in the names and sources of the features."""
    for name, column in spec.columns.items():
        if name in spec.withheld:
            yield f"{name} has the name of a column known only at {spec.withheld[name]}"
        for source in column.sources:
            dataset, _, raw = source.partition(".")
            if dataset == spec.dataset and raw in spec.withheld:
                yield f"{name} comes from {source}, known only at {spec.withheld[raw]}"
