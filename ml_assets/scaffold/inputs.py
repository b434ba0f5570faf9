"""Which columns become inputs of a model, and why the others are left out.

Belongs here: the choice, with a reason for each column that is not simply taken. Does not belong
here: what a leak is (`leaks`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ml_assets.guess.profile import ColumnProfile
from ml_assets.scaffold.leaks import Leak
from ml_assets.spec.columns import Column, ColumnType
from ml_assets.spec.dataset import DatasetSpec

USES = 20
"""Rows that each value of an id must have, on average, to be a category."""
NOTHING = {"constant": "has one value", "empty": "has no value"}
APART = {
    "id": "an id: it tells rows apart, and says nothing of a new one",
    "name": "a name: most rows have one of their own",
    "url": "an address of a page: most rows have one of their own",
    "list": "several values in one: compute inputs from it in a function",
}


@dataclass(frozen=True)
class InputColumn:
    """A column that is an input, or is not."""

    name: str
    type: ColumnType | None = None
    """The type as an input, if it is not that of the column."""
    about: str = ""
    out: str = ""
    """Why it is left out."""
    leak: bool = False
    """Whether it is left out because it all but gives the target."""


def inputs_of(
    spec: DatasetSpec,
    profiles: Mapping[str, ColumnProfile],
    apart: Mapping[str, str],
    leaks: Mapping[str, Leak],
    keep: Collection[str] = (),
) -> list[InputColumn]:
    """Return all columns but the target's; `apart` says of some why they are left out.

    `keep` are inputs whatever speaks against it.
    """
    inputs = []
    for name, column in spec.columns.items():
        profile = profiles[name]
        if name in keep:
            inputs.append(_kept(name, column, profile))
        elif name in apart:
            if apart[name]:
                inputs.append(InputColumn(name, out=apart[name]))
        elif profile.kind in NOTHING or not profile.present or profile.distinct < 2:
            inputs.append(
                InputColumn(name, out=_said(NOTHING.get(profile.kind, "has one value"), profile))
            )
        elif name in leaks and leaks[name].whole:
            said = f"a leak? It alone all but gives the target ({leaks[name].why})"
            inputs.append(InputColumn(name, out=said, leak=True))
        elif column.type == "text" or (column.type == "category" and profile.kind in APART):
            inputs.append(_text(name, profile))
        elif profile.kind == "id" and column.type in ("integer", "number"):
            inputs.append(_identifier(name, profile))
        else:
            about = "sensitive: its values are not shown" if column.sensitive else ""
            inputs.append(InputColumn(name, about=about))
    return inputs


def _kept(name: str, column: Column, profile: ColumnProfile) -> InputColumn:
    if column.type not in ("text", "category"):
        return InputColumn(name, about="kept on request")
    words = profile.kind in ("text", "name", "url", "list")
    return InputColumn(name, "text" if words else "category", "kept on request")


def _text(name: str, profile: ColumnProfile) -> InputColumn:
    if profile.kind == "text":
        return InputColumn(name, "text", f"free text, {profile.words:.0f} words on average")
    if profile.kind in ("categorical", "numeric"):
        return InputColumn(name, "category", f"{profile.distinct:,} different values")
    return _identifier(name, profile)


def _identifier(name: str, profile: ColumnProfile) -> InputColumn:
    if profile.kind != "url" and profile.distinct * USES <= profile.present:
        said = f"{profile.distinct:,} values with {profile.present // profile.distinct} rows each"
        return InputColumn(name, "category", said)
    return InputColumn(name, out=_said(APART.get(profile.kind, APART["name"]), profile))


def _said(why: str, profile: ColumnProfile) -> str:
    return f"{why} ({profile.distinct:,} different in {profile.present:,} rows)"
