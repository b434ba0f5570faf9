"""What left a site: a line for each payload, and the payload itself, kept at the site.

Belongs here: writing both, before anything is sent. Does not belong here: what is in a payload.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

FORMAT = 1
"""Of all that sites and coordinator say to each other: another one is another version."""
LOG = "payloads.jsonl"
PAYLOADS = "payloads"
STOP = "stop"
"""A file of this name in a site's folder, with the reason: nothing more leaves."""


class Refused(Exception):
    """The site does not answer; the text says why."""


def willing(folder: Path) -> None:
    """Raise Refused after a `stop`."""
    stop = folder / STOP
    if stop.exists():
        raise Refused(stop.read_text(encoding="utf-8").strip() or "the site said no")


def leaving(folder: Path, *, kind: str, round_: int, content: bytes) -> bytes:
    """Return content that may leave now that it is on record; Refused after a `stop`."""
    willing(folder)
    return recorded(folder, kind=kind, round_=round_, content=content)


def recorded(folder: Path, *, kind: str, round_: int, content: bytes) -> bytes:
    """Return content, which is on record now; a refusal leaves after a `stop` too."""
    digest = hashlib.sha256(content).hexdigest()
    kept = folder / PAYLOADS
    kept.mkdir(mode=0o700, exist_ok=True)
    (kept / digest).write_bytes(content)
    site = json.loads((folder / "site.json").read_text(encoding="utf-8"))["site"]
    line = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "site": site,
        "round": round_,
        "kind": kind,
        "bytes": len(content),
        "sha256": digest,
    }
    with (folder / LOG).open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")
    return content


def left(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a site's log, oldest first."""
    path = folder / LOG
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
