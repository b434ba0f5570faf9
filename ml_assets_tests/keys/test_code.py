"""Digests of code: what is in a closure, and which edits move it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_assets.engine.checks import CHECKS, OWN
from ml_assets.errors import HookError
from ml_assets.keys.code import Module, Sources
from ml_assets.keys.families import FAMILIES
from ml_assets.workspace import PACKAGE

CODE = '''\
"""Module."""
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from first.types import Frame


class Scale:
    """Class."""

    factor: int = 2
    """Attribute."""

    def __call__(self, x: "Frame") -> "pd.DataFrame":
        """Method."""
        return x * self.factor


async def wait():
    """Function."""


def build(x, text="a # b"):
    """Function."""
    return np.abs(x) + 1
'''
SAME = {
    "a comment": ("    return np.abs(x) + 1", "    # why\n    return np.abs(x) + 1  # more"),
    "formatting": ("return np.abs(x) + 1", "return (\n        np.abs( x )+1\n    )"),
    "blank lines": ("class Scale:", "\n\n\nclass Scale:"),
    "quotes": ('text="a # b"', "text='a # b'"),
    "the module's docstring": ('"""Module."""', '"""Another module."""'),
    "no module docstring": ('"""Module."""\n', ""),
    "a class's docstring": ('"""Class."""', '"""Another class."""'),
    "an attribute's docstring": ('    """Attribute."""\n', ""),
    "a method's docstring": ('"""Method."""', '"""Another method."""'),
    "a function's docstring": ('    """Function."""\n    return', "    return"),
    "an import for types": ("    import pandas as pd\n", "    import pandas as pd, polars\n"),
    "no imports for types": (
        "if TYPE_CHECKING:\n    import pandas as pd\n    from first.types import Frame\n",
        "",
    ),
}
DIFFERENT = {
    "an expression": ("+ 1", "+ 2"),
    "a default": ("factor: int = 2", "factor: int = 3"),
    "a text": ('"a # b"', '"a # c"'),
    "an import": ("import numpy as np", "import numpy.linalg as np"),
    "a name": ("def build(x,", "def build(y,"),
    "an order": ("np.abs(x) + 1", "1 + np.abs(x)"),
    "an else of a type check": (
        "    from first.types import Frame\n",
        "    from first.types import Frame\nelse:\n    Frame = object\n",
    ),
    "a text that is used": ("    return np", '    x = """Function."""\n    return np'),
}


def _write(folder: Path, **modules: str) -> Sources:
    """Write modules of the package `first`; `a__b` is `first/a/b.py`, INIT an `__init__`."""
    for name, text in modules.items():
        parts = ["__init__" if part == "INIT" else part for part in name.split("__")]
        path = folder.joinpath("first", *parts).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Sources({"first": folder / "first"})


def _digest(folder: Path, text: str) -> str:
    return _write(folder, code=text).closure(["first.code"])["first.code"].digest


def _names(folder: Path, start: str = "first.a", **modules: str) -> set[str]:
    return set(_write(folder, **modules).closure([start]))


@pytest.mark.parametrize("edit", SAME)
def test_edits_that_change_nothing(tmp_path: Path, edit: str) -> None:
    assert CODE.count(SAME[edit][0]) == 1
    assert _digest(tmp_path / "1", CODE) == _digest(tmp_path / "2", CODE.replace(*SAME[edit]))


@pytest.mark.parametrize("edit", DIFFERENT)
def test_edits_that_change_something(tmp_path: Path, edit: str) -> None:
    assert CODE.count(DIFFERENT[edit][0]) == 1
    assert _digest(tmp_path / "1", CODE) != _digest(tmp_path / "2", CODE.replace(*DIFFERENT[edit]))


def test_the_else_of_a_type_check_counts(tmp_path: Path) -> None:
    text = "if typing.TYPE_CHECKING:\n    A = 0\nelif x:\n    A = {}\nelse:\n    B = 0\n"
    digests = [_digest(tmp_path / str(n), text.format(n)) for n in (1, 2)]
    assert digests[0] != digests[1]
    edited = text.format(1).replace("A = 0", "A = 5")
    assert _digest(tmp_path / "3", edited) == digests[0]


def test_an_import_in_the_else_of_a_type_check_is_followed(tmp_path: Path) -> None:
    text = "if TYPE_CHECKING:\n    import first.b\nelse:\n    import first.c\n"
    assert _names(tmp_path, a=text, b="", c="") == {"first.a", "first.c"}


def test_the_closure_is_transitive_and_ends(tmp_path: Path) -> None:
    found = _names(
        tmp_path, a="import first.b", b="from first.c import x", c="import first.a", d="x = 1"
    )
    assert found == {"first.a", "first.b", "first.c"}


@pytest.mark.parametrize(
    "statement",
    [
        "from first.sub import b",
        "from first.sub.b import function",
        "import first.sub.b",
        "import first.sub.b as other, os",
        "from .sub import b",
        "from .sub.b import function",
        "from . import sub\nfrom .sub import b",
        "def build():\n    from first.sub import b",
        "class A:\n    def f(self):\n        if self:\n            import first.sub.b",
        "try:\n    import missing\nexcept ImportError:\n    import first.sub.b",
    ],
)
def test_every_way_to_import(tmp_path: Path, statement: str) -> None:
    assert "first.sub.b" in _names(tmp_path, a=statement, sub__b="")


def test_relative_imports_of_packages_and_parents(tmp_path: Path) -> None:
    found = _names(
        tmp_path,
        "first.sub.deep",
        INIT="",
        other="",
        sub__INIT="from .near import x",
        sub__near="from ..other import x",
        sub__deep="",
    )
    assert found == {"first", "first.sub", "first.sub.near", "first.other", "first.sub.deep"}


def test_names_of_functions_are_no_modules(tmp_path: Path) -> None:
    found = _write(tmp_path, a="from first.b import function, b\nimport os.path", b="")
    assert set(found.closure(["first.a"])) == {"first.a", "first.b"}


def test_third_party_packages_by_their_top_level(tmp_path: Path) -> None:
    text = "import os, numpy.linalg\nfrom sklearn.linear_model import Ridge\nfrom . import b\n"
    module = _write(tmp_path, a=text, b="").closure(["first.a"])["first.a"]
    assert module.third_party == {"numpy", "sklearn"}


def test_an_edit_is_seen_even_of_the_same_length_at_once(tmp_path: Path) -> None:
    sources = _write(tmp_path, a="x = 1\n")
    before = sources.closure(["first.a"])["first.a"]
    assert sources.closure(["first.a"])["first.a"] is before
    path = tmp_path / "first" / "a.py"
    stat = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = sources.closure(["first.a"])["first.a"]
    assert after.digest != before.digest
    assert after.text == "x = 2\n"


def test_a_module_that_became_a_package(tmp_path: Path) -> None:
    sources = _write(tmp_path, a="x = 1\n")
    before = sources.closure(["first.a"])["first.a"]
    (tmp_path / "first" / "a.py").unlink()
    _write(tmp_path, a__INIT="x = 1\n")
    after = sources.closure(["first.a"])["first.a"]
    assert after.path.name == "__init__.py"
    assert after.digest == before.digest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"def f(:\n", r"a\.py:1: invalid syntax"),
        (b"x = 1\ny = (\n", r"a\.py:2: '\(' was never closed"),
        (b"x = '\xff'\n", r"a\.py:1: invalid or missing encoding declaration"),
        (b"x = 1\n" * 9 + b"y = '\xff'\n", r"a\.py: not utf-8 text: invalid start byte"),
        (b"# coding: nonsense\n", r"a\.py:1: unknown encoding"),
        (b"x = '\x00'\n", r"a\.py:\d: .*null byte"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(tmp_path: Path, content: bytes, said: str) -> None:
    sources = _write(tmp_path, a="")
    (tmp_path / "first" / "a.py").write_bytes(content)
    with pytest.raises(HookError, match=said):
        sources.closure(["first.a"])


def test_other_encodings_and_a_byte_order_mark(tmp_path: Path) -> None:
    sources = _write(tmp_path, a="x = 'é'\n")
    plain = sources.closure(["first.a"])["first.a"]
    for content in ("\ufeffx = 'é'\n".encode(), "# coding: latin-1\nx = 'é'\n".encode("latin-1")):
        (tmp_path / "first" / "a.py").write_bytes(content)
        assert sources.closure(["first.a"])["first.a"].digest == plain.digest


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("first.none", "no source file for module first.none"),
        ("elsewhere.a", "no package elsewhere for elsewhere.a: install it"),
    ],
)
def test_a_module_without_a_source(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(HookError, match=said):
        _write(tmp_path, a="").closure([name])


def _shipped(*stages: str) -> dict[str, Module]:
    return Sources({"ml_assets": PACKAGE}).closure(stage.split(":")[0] for stage in stages)


def test_registries_specs_and_the_package_are_in_no_closure() -> None:
    stages = ["ingest", "clean", "withdraw", "features", "split.time", "split.hash"]
    stages += ["train.fit", "train.choose", "train.refit", "evaluate.evaluate"]
    found = _shipped(
        *(f"ml_assets.stages.{stage}" for stage in stages),
        *(entry.stage for entry in CHECKS),
        *FAMILIES.values(),
        OWN,
    )
    # The grammars of expressions and of date formats are code that stages run; specs themselves
    # are in keys by value.
    grammar = {name for name in found if name.startswith("ml_assets.spec.")}
    grammars = ("ml_assets.spec.expressions", "ml_assets.spec.formats")
    assert all(name.startswith(grammars) for name in grammar), sorted(grammar)
    layers = {name.split(".")[1] for name in found.keys() - grammar if "." in name}
    assert layers == {"stages", "faults", "spec"}
    assert "ml_assets" not in found


def test_a_family_is_in_no_other_familys_closure() -> None:
    for name in ("median", "linear", "group_median"):
        others = {FAMILIES[other] for other in ("median", "linear", "lightgbm") if other != name}
        if name != "group_median":
            assert not others & set(_shipped("ml_assets.stages.train.fit", FAMILIES[name]))
