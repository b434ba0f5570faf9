"""The layout of a bundle: its checksums and its one archive, byte for byte.

Belongs here: what writing and verifying a bundle share. Does not belong here: disks, signatures,
the contents of files.

The archive is a zip of stored (uncompressed) entries below one folder, sorted by name, dated
1980-01-01: compressed bytes would depend on the library's version, and an archive that can be
re-created from its files leaves no byte unchecked.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from ml_assets.faults import BundleError

FORMAT = 1
"""Version of the layout; any other is refused."""
ABOUT, SUMS, SIGNATURE, SIGNER = "bundle.json", "SHA256SUMS", "SHA256SUMS.sig", "signer.pem"
ROWS, CODE = "rows.json", "rows.zip"
"""How raw rows are scored, and the code that scores them, where a bundle does."""
UNLISTED = (SUMS, SIGNATURE)
"""Files that SHA256SUMS cannot list."""
ALWAYS = (
    ABOUT,
    "MODEL_CARD.md",
    "README.md",
    "evaluation_report.html",
    "golden.csv",
    "golden_predictions.csv",
    "lineage.json",
    "metrics.json",
    "model.json",
    "promotion.json",
    "provenance.json",
    "sbom.cdx.json",
    "schema.json",
)
"""Files of every bundle besides its checksums; `bundle.json` names the others."""
LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9][A-Za-z0-9._-]*)")
NAME = re.compile(r"[a-z][a-z0-9_-]*")
DATE = (1980, 1, 1, 0, 0, 0)


def sha256(content: bytes) -> str:
    """Return the SHA-256 of bytes in hex.

    >>> sha256(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def sums(files: Mapping[str, bytes]) -> bytes:
    """Return SHA256SUMS of all files that it can list, as `sha256sum` writes it."""
    listed = sorted(set(files) - set(UNLISTED))
    return "".join(f"{sha256(files[name])}  {name}\n" for name in listed).encode()


def listed(content: bytes) -> dict[str, str]:
    """Return name -> digest of a SHA256SUMS; BundleError if it is not as `sums` writes it."""
    digests: dict[str, str] = {}
    try:
        lines = content.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise BundleError(f"{SUMS} is damaged: it is not ASCII text") from None
    if lines.pop() != "":
        raise BundleError(f"{SUMS} is damaged: its last line has no line break")
    for number, line in enumerate(lines, start=1):
        match = LINE.fullmatch(line)
        if match is None or match[2] in digests:
            raise BundleError(f"{SUMS} is damaged: line {number}")
        digests[match[2]] = match[1]
    if list(digests) != sorted(digests):
        raise BundleError(f"{SUMS} is damaged: its lines are not sorted by name")
    return digests


def archive(folder: str, files: Mapping[str, bytes]) -> bytes:
    """Return the archive of a bundle: the same bytes for the same files."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", DATE)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            target.writestr(entry, files[name])
    return sink.getvalue()


def project_code(modules: Iterable[str]) -> list[str]:
    """Return those of some modules, by path, that are the project's and not ml_assets' own.

    >>> project_code(["ml_assets/faults.py", "ml_assets/defs/a/features.py", "toy/features.py"])
    ['ml_assets/defs/a/features.py', 'toy/features.py']
    """
    ours, shipped = "ml_assets/", "ml_assets/defs/"
    return sorted(n for n in modules if not n.startswith(ours) or n.startswith(shipped))


def json_file(document: Any) -> bytes:
    """Return a document formatted for people, keys sorted."""
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"
