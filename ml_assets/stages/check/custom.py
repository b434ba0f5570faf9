"""Custom checks: a user's function in a file beside their defs.yaml.

Belongs here: calling it, and what it may return. Does not belong here: built-in checks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_assets.faults import HookError, raised
from ml_assets.stages.frames import to_frame
from ml_assets.stages.result import Check, Result

if TYPE_CHECKING:
    from ml_assets.spec.model import OwnCheck
    from ml_assets.stages.result import Handle

WANTED = "wanted True or False, (True or False, {name: value}), or a Check"


def check(spec: OwnCheck, *, hook: Callable[[Any], Any], table: Handle) -> Result:
    """Return the check `spec.name`: the hook's verdict on the table as a pandas frame.

    The hook returns a bool, (bool, metadata) or a Check. HookError if it raises or returns
    anything else.
    """
    frame = to_frame(table.table())
    try:
        said = hook(frame)
    except Exception as error:
        raise HookError(raised(spec.function, hook, error)) from error
    return Result({}, checks=(_verdict(spec, said),))


def _verdict(spec: OwnCheck, said: Any) -> Check:
    if isinstance(said, Check):
        _plain(spec, said.metadata)
        return replace(said, name=spec.name)
    passed, metadata = said if isinstance(said, tuple) and len(said) == 2 else (said, {})
    if not isinstance(passed, bool | np.bool_) or not isinstance(metadata, Mapping):
        raise HookError(f"{spec.function} returned {type(said).__name__}, {WANTED}")
    verdict = "passed" if passed else "failed"
    return Check(
        spec.name, bool(passed), f"{spec.function} {verdict}", metadata=_plain(spec, metadata)
    )


def _plain(spec: OwnCheck, metadata: Mapping[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(metadata, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise HookError(
            f"{spec.function} returned metadata that is not plain JSON ({error}), "
            "wanted str, finite numbers, bool, None, lists and dicts of these"
        ) from error
    return dict(metadata)
