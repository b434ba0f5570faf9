"""A mapping that is computed on first access.

Used for the checks of a cell: nothing depends on them, so a worker skips them and leaves them to
the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Later(Mapping[str, Value], Generic[Value]):
    """The mapping that `make` returns; it is called once, and only if needed.

    >>> asked = []
    >>> found = Later(lambda: asked.append("made") or {"a": 1})
    >>> asked
    []
    >>> dict(found), found["a"], asked
    ({'a': 1}, 1, ['made'])
    """

    def __init__(self, make: Callable[[], Mapping[str, Value]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Mapping[str, Value]:
        return self._make()

    def __getitem__(self, name: str) -> Value:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)
