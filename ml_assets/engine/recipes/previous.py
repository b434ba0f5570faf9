"""The previous candidate of a candidate, pinned for the report when that becomes current.

A pin holds the digest, or nothing if there was none. Without it a report would compare with
another candidate whenever the environment changes, and would be made again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.engine.session import Made, Outputs, Session
from ml_assets.store.objects import Ref
from ml_assets.store.records import asset_digest


def pin_name(model: str, candidate: str) -> str:
    """Return the name under which a candidate's previous candidate is pinned."""
    return f"previous/{model}/{candidate}"


def digest_of(made: Made) -> str | None:
    """Return a candidate's digest, or None while it is pending."""
    refs = {name: value for name, value in made.outputs.items() if isinstance(value, Ref)}
    return asset_digest(refs) if len(refs) == len(made.outputs) else None


def previous_of(session: Session, model: str, digest: str, outputs: Outputs) -> str:
    """Return the digest of the previous candidate of one, "" if there is none.

    It is the one that the environment held before; or, if the model is the same and only the
    leaderboard differs, the one before that.
    """
    pins, env = session.home.pins, session.home.env
    pinned = pins.get(env, pin_name(model, digest))
    if pinned is not None:
        return str(pinned)
    held = session.current.get((f"{model}/candidate", ""))
    if held is None or held.digest == digest:
        return ""
    if held.outputs["model"] == outputs["model"]:
        return str(pins.get(env, pin_name(model, held.digest)) or "")
    return held.digest


def pins_of(session: Session, made: Made) -> Mapping[str, str]:
    """Return the pins of a candidate that becomes current; none while it is pending."""
    digest = None if made.waiting is not None else digest_of(made)
    if digest is None:
        return {}
    model = made.cell.group
    return {pin_name(model, digest): previous_of(session, model, digest, made.outputs)}
