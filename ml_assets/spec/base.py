"""What every part of a spec shares: frozen, strict about keys, described."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME = re.compile(r"[a-z][a-z0-9_]*")
HOOK = re.compile(r"[A-Za-z0-9_./-]+\.py:[A-Za-z_][A-Za-z0-9_]*")


Place = tuple[int | str, ...]
"""Where something stands in a spec: keys and positions, from `attributes` inwards."""


class Mistakes(ValueError):
    """Several mistakes that only show when the parts of a spec are held together."""

    def __init__(self, found: Sequence[tuple[Place, str]]) -> None:
        said = [f"{'.'.join(str(part) for part in place)}: {what}" for place, what in found]
        super().__init__("; ".join(said))
        self.found = tuple(found)


class Spec(BaseModel):
    """A frozen piece of a spec; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(f"got {value!r}, wanted lower case letters, digits and _ (like 'flights')")
    return value


def _hook(value: str) -> str:
    if not HOOK.fullmatch(value) or value.startswith("/") or ".." in value:
        raise ValueError(
            f"got {value!r}, wanted FILE.py:FUNCTION beside defs.yaml (like 'features.py:build')"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Hook = Annotated[str, AfterValidator(_hook)]
"""A user's function, `file.py:function`, the file beside the defs.yaml."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]
