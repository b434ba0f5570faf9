"""Features of a batch by the function of an earlier model, where today's is another.

Belongs here: the function from its stored sources. Does not belong here: what features are
(`stages/features`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ml_assets.stages.features import features
from ml_assets.stages.result import Result

if TYPE_CHECKING:
    from ml_assets.spec.predictions import AgainSpec
    from ml_assets.stages.result import Handle


def again(
    spec: AgainSpec,
    *,
    stored: Any,
    sources: Handle | None,
    main: Handle,
    joins: Mapping[str, Handle],
    previous: Mapping[str, Sequence[Handle]],
) -> Result:
    """Return `features` of a batch by the function of an earlier model, from its stored sources."""
    hook = None
    if spec.function is not None and sources is not None:
        hook = stored(sources.json(), sources.digest).function(spec.function)
    return features(spec.features, hook=hook, main=main, joins=joins, previous=previous)
