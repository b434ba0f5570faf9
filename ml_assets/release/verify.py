"""Verifies that a bundle is unchanged and predicts what it should.

Belongs here: the order of the checks. Nothing of a bundle runs before its bytes are verified, and
its programs run only if they are those of this version or their signer is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ml_assets.errors import BundleError
from ml_assets.release import check as bundle_check
from ml_assets.release import read as bundle_read
from ml_assets.release import score as bundle_score
from ml_assets.release.read import Bundle, FileProblem
from ml_assets.release.score import Scored
from ml_assets.release.sign import signature_problems
from ml_assets.stages.release.files import CODE, SIGNATURE
from ml_assets.store.home import Home
from ml_assets.store.records import Current


@dataclass
class Verification:
    """The result of verifying a bundle."""

    bundle: Bundle
    problems: list[FileProblem]
    signature: str
    """trusted (by the given key), present (by the key inside, of an unknown signer), or none."""
    scored: list[Scored] = field(default_factory=list)
    unscored: str | None = None
    """Why golden raw rows were not scored, where there are any."""

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as `ml-assets verify --json` prints it."""
        return {
            "bundle": self.bundle.folder,
            "verified": not self.problems,
            "files": len(self.bundle.files),
            "bytes": sum(map(len, self.bundle.files.values())),
            "signature": self.signature,
            "unscored": self.unscored,
            "problems": [{"file": item.file, "said": item.said} for item in self.problems],
            "scored": [
                {"program": item.program, "rows": item.rows, "largest_difference": item.largest}
                for item in self.scored
            ],
        }


def verify(
    bundle: Bundle, trusted: Path | None = None, *, here: bool = False, own: bool = False
) -> Verification:
    """Check every byte and the signature, then score the golden rows.

    `trusted` is the public key that must have signed; with `here`, this installation's
    packages score the golden rows, otherwise those of the bundle's locks. Raw rows are scored by
    the code in the bundle, so only if its signer is trusted or it is our `own`. Raises
    RequestError for a bundle of another format or a bad key.
    """
    problems = bundle_check.problems(bundle)
    unsigned = list(signature_problems(bundle, trusted))
    signature = "none"
    if SIGNATURE in bundle.files and not unsigned:
        signature = "present" if trusted is None else "trusted"
    verification = Verification(bundle, [*problems, *unsigned], signature)
    if verification.problems:
        return verification
    strange = bundle_score.foreign(bundle, here=here) if signature != "trusted" else []
    if strange:
        verification.problems += [
            FileProblem(
                name,
                "is not the one that this version ships, so it was not used; to use it, give a "
                "trusted signer's --public-key",
            )
            for name in strange
        ]
        return verification
    rows = own or signature == "trusted"
    if CODE in bundle.files and not rows:
        verification.unscored = (
            f"{CODE} is code of the project, so it was not used; to score raw rows, give a trusted "
            "signer's --public-key"
        )
    verification.scored, wrong = bundle_score.score(bundle, here=here, rows=rows)
    verification.problems += wrong
    return verification


def verified(home: Home, current: Current) -> dict[str, Any]:
    """Verify a release of the store in a fresh process; return its metadata for Dagster.

    Raises BundleError naming what is wrong.
    """
    data = home.objects.read(current.outputs["bundle"].digest)
    verdict = verify(bundle_read.unpacked(data, current.asset), here=True, own=True)
    if verdict.problems:
        said = "; ".join(f"{item.file} {item.said}" for item in verdict.problems)
        raise BundleError(f"{current.asset} v{current.number} does not verify: {said}")
    rows = {item.program: item.largest for item in verdict.scored}
    return {"verified": True, "golden_rows_largest_difference": rows}
