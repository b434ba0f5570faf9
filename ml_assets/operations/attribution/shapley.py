"""Shares of several causes in a difference (Shapley, 1953).

The share of a cause is the change when it is added, averaged over every order in which the
causes can be added. The shares sum to the total difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

Coalition = frozenset[str]


def coalitions(causes: Sequence[str]) -> list[Coalition]:
    """Return every set of causes, the empty one first, all of them last."""
    return [
        frozenset(chosen)
        for size in range(len(causes) + 1)
        for chosen in combinations(causes, size)
    ]


def shares(causes: Sequence[str], value: Callable[[Coalition], float]) -> dict[str, float]:
    """Return the share of each cause in value(all) - value(none).

    >>> shares(["a", "b"], lambda on: 3.0 * ("a" in on) + 1.0 * (len(on) == 2))
    {'a': 3.5, 'b': 0.5}
    """
    count = len(causes)
    by_cause = {}
    for cause in causes:
        others = [other for other in causes if other != cause]
        by_cause[cause] = sum(
            factorial(len(before))
            * factorial(count - len(before) - 1)
            / factorial(count)
            * (value(before | {cause}) - value(before))
            for before in coalitions(others)
        )
    return by_cause
