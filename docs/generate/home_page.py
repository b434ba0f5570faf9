"""The reference of a home: every place in which its bytes lie, from `store/places`."""

from __future__ import annotations

from ml_assets.store.places import PLACES

HEAD = """\
# What lies in a home

Made by `make docs` from `ml_assets/store/places.py`; do not edit. Every file of a home is of one
of these places: a test makes a whole home and looks. `<…>` is one name, `*` a part of one; a `/` at
the end stands for all below it.

`ml-assets forget` and `ml-assets gc` ([how](../how-to/forget-and-collect-garbage.md)) go by this
list. What lies in a home and in no place of it is nobody's: neither of the two searches or removes
it, and `forget` names it.

| place | what lies there | `forget` | `gc` |
| --- | --- | --- | --- |
"""
FOOT = """
Where `ML_ASSETS_STATE` or `ML_ASSETS_OBJECTS` lead elsewhere, the state or the objects lie there.

Outside a home:

- `ml_assets/environments` in the user's cache: packages with which `ml-assets verify` runs a
  bundle, no rows;
- the system's temporary folder: `bundle-…`, an unpacked bundle while it is scored, removed at the
  end unless the process is killed; files without a name, which end with their process;
- `__pycache__` beside sources: code and what was found in it;
- bundles, reports and other files written where a person said. They are yours to see to.
"""


def page() -> str:
    """Return the whole page."""
    rows = [f"| `{p.path}` | {p.holds} | {p.forget} | {p.gc} |\n" for p in PLACES]
    return HEAD + "".join(rows) + FOOT
