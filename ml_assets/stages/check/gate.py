"""Check: did the candidate pass the gate?

Belongs here: the decision as one verdict for the Checks tab. Does not belong here: deciding
(`gate`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.gate import DecideSpec
    from ml_assets.stages.result import Handle


def check(_spec: DecideSpec, *, decision: Handle) -> Result:
    """Return the check `gate`: failed, as a warning, if any rule failed."""
    document = decision.json()
    red = [line["rule"] for line in document["rules"] if line["passed"] is False]
    figures = {"verdict": document["verdict"], "comparison": document["comparison"], "red": red}
    return Result({}, checks=(Check("gate", not red, document["sentence"], "warn", figures),))
