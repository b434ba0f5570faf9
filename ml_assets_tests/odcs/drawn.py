"""Specs of datasets, drawn: every field of them, as far as they fit together."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ml_assets.spec.base import NAME
from ml_assets.spec.columns import Action
from ml_assets.spec.dataset import DatasetSpec

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(CHARACTERS, max_size=12)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
COLUMNS = NAMES | st.text(CHARACTERS, max_size=8).filter(lambda text: not text.startswith("_"))
PATTERNS = st.sampled_from(
    ["[A-Z]{3}", "a|b", "(?:a)", "(?i)x", "^a$", "a$", r"\$", r"\\", "(?:a)|(?:b)", ".*", "", "^"]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
WHOLE = st.integers(-(2**63), 2**63 - 1)
KINDS = ("integer", "number", "boolean", "text", "category", "timestamp", "date")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])
FORMATS = st.lists(st.sampled_from(["%d.%m.%Y", "%Y-%m-%d %H:%M", "%m/%d/%y"]), max_size=2)
ALLOWED = {"integer": WHOLE, "number": NUMBERS, "text": TEXTS, "category": TEXTS}


def _some(draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    return {name: draw(values) for name, values in fields.items() if draw(st.booleans())}


@st.composite
def columns(draw: st.DrawFn, moments: list[str]) -> dict[str, Any]:
    """Draw the fields of one column."""
    kind = draw(st.sampled_from(KINDS))
    fields: dict[str, st.SearchStrategy[Any]] = {
        "description": TEXTS,
        "unit": TEXTS,
        "nullable": st.booleans(),
        "null_values": st.lists(TEXTS, max_size=3),
        "source": st.lists(TEXTS, min_size=1, max_size=2, unique=True),
        "action": st.sampled_from(Action.__args__),
        "sensitive": st.booleans(),
        "known_at": st.sampled_from(moments or [None]),
    }
    if kind in ("integer", "number"):
        fields["strip"] = st.lists(st.sampled_from(["USD", "%"]), max_size=2)
        fields["thousands"] = st.sampled_from(["", " ", "'"])
        low = draw(st.none() | NUMBERS)
        high = draw(st.none() | (NUMBERS if low is None else NUMBERS.filter(lambda x: x >= low)))
        fields["range"] = st.just([low, high])
    if kind in ("text", "category"):
        fields["pattern"] = PATTERNS
    if kind in ("timestamp", "date"):
        fields["format"] = FORMATS
    if kind == "timestamp":
        fields["zone"] = ZONES
    found = {"type": kind, **_some(draw, fields)}
    if kind in ALLOWED and draw(st.booleans()):
        # A value that is read as missing cannot be allowed.
        found["allowed"] = draw(st.lists(ALLOWED[kind], min_size=1, max_size=3))
        found["null_values"] = ["no such value anywhere"]
    return found


@st.composite
def datasets(draw: st.DrawFn) -> DatasetSpec:
    """Draw a dataset's spec."""
    moments = draw(st.lists(NAMES, max_size=2, unique=True))
    names = draw(st.lists(COLUMNS, min_size=1, max_size=4, unique=True))
    found = {name: draw(columns(moments)) for name in names}
    times = [name for name in names if found[name]["type"] in ("timestamp", "date")]
    texts = [name for name in names if found[name]["type"] in ("text", "category")]
    seen = [name for name in names if not found[name].get("sensitive")]
    some = st.lists(st.sampled_from(names), max_size=3, unique=True)
    calendar = draw(st.booleans())
    fields: dict[str, st.SearchStrategy[Any]] = {
        "owners": st.lists(st.sampled_from(["team:sales", "a@example.org"]) | TEXTS, max_size=2),
        "dummy": st.booleans(),
        "key": some,
        "quarantine_budget": st.floats(0, 1),
        "checks": st.dictionaries(NAMES, st.just("checks.py:check"), max_size=2),
        "quality": st.fixed_dictionaries(
            {"ignore": some, "smallest": st.just({"numeric": 0.25}), "slices": st.just(seen)}
        ),
    }
    if times:
        fields["time"] = st.sampled_from(times)
    if texts:
        replaced = st.dictionaries(TEXTS, st.none() | TEXTS, max_size=2)
        fields["cleaning"] = st.builds(
            lambda values: [
                {"op": "strip", "columns": texts},
                {"op": "replace", "columns": texts[:1], "values": values},
            ],
            replaced,
        )
    plain = [name for name in texts if NAME.fullmatch(name)]
    if plain:
        rule = f"`{plain[0]}`.notna()"
        fields["rules"] = st.just([{"id": "r", "expression": rule, "reason": "because"}])
        fields["filters"] = st.just([{"id": "f", "expression": rule, "reason": "because"}])
    landing = {
        "pattern": r"x-(?P<batch>\d+)\.csv" if calendar else draw(PATTERNS.filter(bool)),
        **_some(draw, {"delimiter": st.sampled_from(";|\t"), "sheet": TEXTS}),
    }
    if calendar:
        fields["calendar"] = st.sampled_from(["month", {"name": "m", "order": "%b %Y"}])
        landing |= {} if draw(st.booleans()) else {"null_values": ["?"]}
    made = {"description": draw(TEXTS), "landing": landing, "moments": moments, "columns": found}
    made |= _some(draw, fields)
    if calendar:
        made.setdefault("calendar", "month")
    return DatasetSpec.model_validate(made)
