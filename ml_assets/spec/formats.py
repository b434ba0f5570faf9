r"""Date formats: the directives of Python's `strptime` that a column's `format` may have.

Names are English whatever the machine's language. A two-digit year is of 1969 to 2068, as in POSIX.
Spec and stage read the same grammar. Belongs here: directives, what a format lacks, its expression
(RE2 and Python's `re` understand it). Does not belong here: values (`stages/ingest/dates`).
"""

from __future__ import annotations

import re

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BLANK = "[ \t\xa0\u202f]"
"""What separates words: a blank, a tab, or one of the blanks that do not break a line."""


def _names(names: tuple[str, ...]) -> str:
    return "|".join(name for full in names for name in dict.fromkeys((full, full[:3])))


DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "1[0-2]|0[1-9]|[1-9]",
    "b": _names(MONTHS),
    "d": "3[01]|[12][0-9]|0[1-9]|[1-9]",
    "j": "36[0-6]|3[0-5][0-9]|[12][0-9]{2}|0[1-9][0-9]|00[1-9]|[1-9][0-9]|0[1-9]|[1-9]",
    "a": _names(DAYS),
    "H": "2[0-3]|[01][0-9]|[0-9]",
    "I": "1[0-2]|0[1-9]|[1-9]",
    "M": "[0-5][0-9]|[0-9]",
    "S": "[0-5][0-9]|[0-9]",
    "f": "[0-9]{1,6}",
    "p": "[AaPp](?:[Mm]|[.] ?[Mm][.])",
    "z": "Z|z|UTC|GMT|[+-](?:2[0-3]|[01][0-9]):?[0-5][0-9]",
}
"""Directive -> the texts that it stands for."""
SAME = {"B": "b", "A": "a"}
"""Full names, read where a short one is and the other way round."""
_DIRECTIVE = re.compile("%(.?)", re.DOTALL)
_PARTS = re.compile(r"%(?P<directive>.)|(?P<blank>[ \t]+)|(?P<text>[^% \t]+)", re.DOTALL)


def directives(form: str) -> list[str]:
    """Return the directives of a format, full names as short ones.

    >>> directives("%d. %B %Y")
    ['d', 'b', 'Y']
    """
    names = [name for name in _DIRECTIVE.findall(form) if name != "%"]
    return [SAME.get(name, name) for name in names]


def lacking(form: str) -> str | None:
    """Return why a format gives no time, as the end of a sentence; None if it does."""
    if not form.isprintable():
        return "has characters that cannot be printed"
    if form.strip(" \t") != form:
        return "begins or ends with a blank; blanks around values are ignored, remove it"
    used = directives(form)
    unknown = [f"%{name}" for name in used if name not in DIRECTIVES]
    if unknown:
        listed = ", ".join(f"%{name}" for name in (*DIRECTIVES, *SAME))
        zone = "; set `zone` for times without an offset" if "%Z" in unknown else ""
        return f"has {', '.join(unknown)}; available are {listed} and %%{zone}"
    twice = sorted({f"%{name}" for name in used if used.count(name) > 1})
    if twice:
        return f"has {', '.join(twice)} twice"
    if ("Y" in used) + ("y" in used) != 1:
        return "wants one of %Y (2024) and %y (24)"
    if "j" in used and {"m", "b", "d"} & {*used}:
        return "has %j, the day of the year, beside a month or day"
    if "j" not in used and (("m" in used) + ("b" in used) != 1 or "d" not in used):
        return "wants a day, %d, and one of %m (12) and %b (Dec)"
    if ("I" in used) != ("p" in used) or {"H", "I"} <= {*used}:
        return "wants %H for 0 to 23, or %I with %p for 12 hours with AM and PM"
    if ({"M", "S", "f"} & {*used}) and not ({"H", "I"} & {*used}):
        return "has minutes or seconds without an hour"
    return None


def expression(form: str) -> str:
    """Return a format's expression, a group for each directive; a blank matches any run of them."""
    written = "".join(
        _group(part["directive"])
        if part["directive"]
        else f"{BLANK}+"
        if part["blank"]
        else re.escape(part["text"])
        for part in _PARTS.finditer(form)
    )
    return f"^{BLANK}*(?:{written}){BLANK}*$"


def _group(name: str) -> str:
    short = SAME.get(name, name)
    if short == "%":
        return "%"
    return (
        f"(?P<{short}>{'(?i:' + DIRECTIVES[short] + ')' if short in 'ab' else DIRECTIVES[short]})"
    )
