"""Numbers with a noun for messages: "1 row", "2,000 rows".

Belongs here: singular and plural. Does not belong here: other formatting of numbers.
"""

from __future__ import annotations


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return "1 row", "2,000 rows".

    >>> counted(1, "row"), counted(2000, "row"), counted(2, "value has", "values have")
    ('1 row', '2,000 rows', '2 values have')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
