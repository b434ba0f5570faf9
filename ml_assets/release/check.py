"""Checks that every byte of a bundle is as it was written, and that its files are consistent.

Belongs here: checksums, provenance, required files. Does not belong here: disks and archives
(`read`), signatures (`sign`), running anything (`score`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_assets.errors import BundleError, RequestError, StageError
from ml_assets.release.read import Bundle, FileProblem, document
from ml_assets.stages.release.files import (
    ABOUT,
    ALWAYS,
    FORMAT,
    SIGNER,
    SUMS,
    UNLISTED,
    json_file,
    listed,
    sha256,
)
from ml_assets.store.digest import canonical_json

PROVENANCE, PROMOTION = "provenance.json", "promotion.json"


def problems(bundle: Bundle) -> list[FileProblem]:
    """Return all differences from SHA256SUMS and from the provenance.

    Raises RequestError for an undamaged bundle of another format.
    """
    faults = list(bundle.problems)
    files = bundle.files
    if SUMS not in files:
        return [*faults, FileProblem(SUMS, "is missing")]
    try:
        wanted = listed(files[SUMS])
    except BundleError as error:
        return [*faults, FileProblem(SUMS, str(error))]
    subjects = _subjects(files.get(PROVENANCE, b""))
    faults += _compared(files, wanted, subjects)
    return faults or list(_contradictions(bundle, wanted, subjects))


def _contradictions(
    bundle: Bundle, wanted: Mapping[str, str], subjects: Mapping[str, str]
) -> Iterator[FileProblem]:
    """Yield contradictions between files that all match their checksums."""
    about = bundle.about
    got = about.get("format")
    if got != FORMAT:
        raise RequestError(
            f"the bundle has format {got!r}; this version of ml_assets reads format {FORMAT}. "
            "Verify it with the version that made it (lineage.json says which code)"
        )
    if bundle.folder != f"{about.get('model')}-{about.get('version')}":
        yield FileProblem(ABOUT, f"names another release than its folder {bundle.folder}")
    for name in sorted({*ALWAYS, *_said_to_score(about)} - set(wanted)):
        yield FileProblem(name, "is missing and not listed, but every bundle has it")
    for name in sorted(set(wanted) - {PROVENANCE, SIGNER}):
        if subjects.get(name) != wanted[name]:
            yield FileProblem(PROVENANCE, f"has a different digest of {name}, or none")
    if not _hashed(bundle.files.get(PROMOTION, b"")):
        yield FileProblem(PROMOTION, "does not match its hash")


def _said_to_score(about: Mapping[str, Any]) -> Iterator[str]:
    """Yield the programs, locks and ONNX model that a bundle lists."""
    scoring, onnx = about.get("scoring"), about.get("onnx")
    if not isinstance(scoring, list) or not isinstance(onnx, dict):
        raise BundleError(f"{ABOUT} names no scoring programs: this is not a release bundle")
    yield from map(str, scoring)
    if onnx.get("file"):
        yield str(onnx["file"])


def _compared(
    files: Mapping[str, bytes], wanted: Mapping[str, str], subjects: Mapping[str, str]
) -> Iterator[FileProblem]:
    for name in sorted({*files, *wanted} - set(UNLISTED)):
        if name not in files and subjects and name not in {*subjects, PROVENANCE, SIGNER}:
            yield FileProblem(SUMS, f"lists {name}, which {PROVENANCE} does not list")
        elif name not in files:
            yield FileProblem(name, f"is listed in {SUMS} but missing")
        elif name not in wanted and subjects.get(name) == sha256(files[name]):
            yield FileProblem(SUMS, f"its line for {name} was changed; {PROVENANCE} has it")
        elif name not in wanted:
            yield FileProblem(name, f"is not listed in {SUMS}: it was added later")
        elif sha256(files[name]) != wanted[name]:
            if subjects.get(name) == sha256(files[name]):
                yield FileProblem(
                    SUMS, f"its line for {name} was changed; {PROVENANCE} agrees with it"
                )
            elif name == PROVENANCE and _whole(files[name]):
                yield FileProblem(name, f"or its line in {SUMS} was changed")
            else:
                yield FileProblem(name, f"was changed: its bytes are not those that {SUMS} lists")


def _subjects(content: bytes) -> dict[str, str]:
    """Return the digests in a provenance statement; none if it cannot be read."""
    try:
        subjects = document(content)["subject"]
        return {str(item["name"]): str(item["digest"]["sha256"]) for item in subjects}
    except (KeyError, TypeError):
        return {}


def _hashed(content: bytes) -> bool:
    """Return whether an entry of the promotion log matches its hash."""
    entry = document(content)
    said = entry.pop("hash", None)
    try:
        return bool(said == sha256(canonical_json(entry)))
    except (StageError, UnicodeEncodeError, RecursionError):
        # A number or text that no real entry contains.
        return False


def _whole(content: bytes) -> bool:
    try:
        return json_file(document(content)) == content
    except (ValueError, RecursionError):
        return False
