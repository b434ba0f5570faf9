"""Attributes of errors that no code of a closure reads touch none of its keys."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ml_assets.keys.code import Sources
from ml_assets.keys.error_attributes import ANY, LOOKED_AT, reads, without
from ml_assets.workspace import PACKAGE
from ml_assets_tests.projects import Toy
from ml_assets_tests.upgraded import Upgraded

FAULTS = """\
class Base(Exception):
    got: object = None
    names: tuple[str, ...] = ()
    args: tuple = ()
    _hidden: int = 1
    made: list = [1]
    bare: int

    def __init__(self, text):
        self.text = text


class Plain:
    got: object = None
"""
READS = {
    "x.got": {"got"},
    "x.got = 1": {"got"},
    "getattr(x, 'got', None)": {"got"},
    "operator.attrgetter('a.got')(x)": {"a", "got"},
    "'{0.got}'.format(x)": {"got", "format"},
    "f'{x.got}'": {"got"},
    "match x:\n    case Error(got=1): pass": {"got"},
    "d = {'got': got, 'x': 1}; d['got']": set(),
    "f(got=1)": set(),
    "'got 3 rows. Wanted 2'": set(),
    "getattr(x, y)": {ANY},
    "getattr(x, 'go' + 't')": {ANY},
    "read = getattr": {ANY},
    "from operator import attrgetter as ag": {ANY},
    "vars(x)": {ANY},
    "x.__dict__": {ANY},
    "getattr(x, y)  # never an error": set(),
}


def test_only_plain_declarations_of_errors_are_left_out() -> None:
    bare, names = without(ast.parse(FAULTS))
    assert names == {"got", "names"}
    left = "    got: object = None\n    names: tuple[str, ...] = ()\n"
    assert ast.dump(bare) == ast.dump(ast.parse(FAULTS.replace(left, "")))


@pytest.mark.parametrize(("code", "names"), READS.items(), ids=READS)
def test_what_may_read_an_attribute(code: str, names: set[str]) -> None:
    assert reads(ast.parse(code), code) == names


def test_no_stage_asks_an_error_for_computed_names() -> None:
    sources, folder = Sources({"ml_assets": PACKAGE}), PACKAGE.parent
    for path in (PACKAGE / "stages").rglob("*.py"):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        found = sources.closure([name]).values()
        asks = [module.name for module in found if ANY in module.said.reads]
        assert not asks, f"{asks}: is it ever an error? If not: {LOOKED_AT} (error_attributes)"


def test_an_error_gains_attributes_and_nothing_re_runs(made: Toy, tmp_path: Path) -> None:
    later = Upgraded.of(tmp_path / "later", made.root)
    base = 'its message is written for people."""\n'
    gained = f"{base}\n    got: object = None\n    available: tuple[str, ...] = ()\n"
    later.edit("faults.py", base, gained)
    assert later.to_do() == {}

    # Whoever reads one depends on all of them, and on their defaults.
    hook = (
        "toy/defs/forecast/helpers.py",
        '"""What',
        'FIRST = getattr(Exception(), "got", 1)\n"""What',
    )
    made.edit(*hook)
    reasons = later.to_do()
    for changed in ("ml_assets.faults", "toy.defs.forecast.helpers"):
        assert f"features: code: {changed} changed" in reasons["forecast/features@2020-01"]
    assert not [cell for cell in reasons if cell.startswith(("sales/", "prices/"))]
