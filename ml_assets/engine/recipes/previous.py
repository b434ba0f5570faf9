"""The candidate before a candidate: pinned as it first becomes current, for the report.

A pin holds the digest, or nothing where there was none. Without it a report would speak of
another candidate whenever the environment moves on, and be made again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.engine.session import Made, Outputs, Session
from ml_assets.store.objects import Ref
from ml_assets.store.records import asset_digest


def pin_name(model: str, candidate: str) -> str:
    """Return the name under which the candidate before a candidate is pinned."""
    return f"previous/{model}/{candidate}"


def digest_of(made: Made) -> str | None:
    """Return a candidate's digest, unless it is not known before something has run."""
    refs = {name: value for name, value in made.outputs.items() if isinstance(value, Ref)}
    return asset_digest(refs) if len(refs) == len(made.outputs) else None


def previous_of(session: Session, model: str, digest: str, outputs: Outputs) -> str:
    """Return the digest of the candidate before one, "" where there is none.

    It is the one that the environment held when this one came; or what came before that, where
    only the leaderboard differs and the model is the same.
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
    """Return what to pin as a candidate becomes current; nothing while it is not known."""
    digest = None if made.waiting is not None else digest_of(made)
    if digest is None:
        return {}
    model = made.cell.group
    return {pin_name(model, digest): previous_of(session, model, digest, made.outputs)}
