"""What the standard calls things, and its package, an extra that is imported only where used.

Belongs here: what export and import must agree on. Does not belong here: either of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ml_assets.errors import RequestError
from ml_assets.spec.columns import ColumnType

if TYPE_CHECKING:
    from open_data_contract_standard.model import OpenDataContractStandard

WRITTEN = "v3.1.0"
READ = re.compile(r"v3\.[12]\.[0-9]+")
OWN = "mlAssets"
"""The custom property that holds what of a spec has no place in the standard."""
UNIT = "unit"
OWNER = "owner"
CONFIDENTIAL = "confidential"
"""The classification of a sensitive column."""
LOGICAL: dict[ColumnType, str] = {
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "text": "string",
    "category": "string",
    "timestamp": "timestamp",
    "date": "date",
}


def model() -> type[OpenDataContractStandard]:
    """Return the package's model of a contract; RequestError if it is not installed."""
    try:
        from open_data_contract_standard.model import OpenDataContractStandard
    except ModuleNotFoundError:
        raise RequestError(
            "contracts need the package open-data-contract-standard, which is not installed; "
            "pip install 'ml_assets[odcs]'"
        ) from None
    return OpenDataContractStandard


def bounded(pattern: str) -> str:
    """Return a pattern of the whole text as one that is searched for.

    >>> bounded("[A-Z]{3}"), bounded("a|b")
    ('^[A-Z]{3}$', '^(?:a|b)$')
    """
    plain = "|" not in pattern and not pattern.startswith("(?")
    return f"^{pattern}$" if plain else f"^(?:{pattern})$"


def unbounded(pattern: str) -> str | None:
    """Return a pattern that begins with ^ and ends with $ without them; None for any other.

    >>> unbounded("^[A-Z]{3}$"), unbounded("^(?:a|b)$"), unbounded("^a|b$"), unbounded("[A-Z]")
    ('[A-Z]{3}', 'a|b', None, None)
    """
    if len(pattern) < 2 or pattern[0] != "^" or pattern[-1] != "$":
        return None
    inner = pattern[1:-1]
    if (len(inner) - len(inner.rstrip("\\"))) % 2:
        return None
    if inner.startswith("(?:") and inner.endswith(")") and _compiles(inner[3:-1]):
        return inner[3:-1]
    return None if "|" in inner else inner


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
