"""Attributes that errors may gain without changing keys, except of code that reads them.

Nearly every stage reaches `faults`, so a new attribute of an error would re-run nearly all stages.
It is left out of the digest of a closure in which nothing can read it. That is safe because

- only plain declarations are left out: `name: type = constant` in a class of `faults` that has a
  base and no decorator. They compute nothing and change no method;
- names that `Exception` has itself, or with a leading _, are never left out;
- code reads an attribute by name: `.name`, a pattern `Error(name=…)`, `getattr(x, "name")`, or a
  string that contains `.name`. If any module of the closure, including the user's hooks, does so or
  can read computed names (`getattr(x, y)`, `vars`, `dir`, `__dict__`), all declarations count, with
  their defaults. A person has checked that a line ending in `# never an error` reads computed names
  of other objects only;
- what libraries use of an exception (text, type, cause) includes none of them.

Any other edit of `faults` counts: a class, a function, an `__init__`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterator

from ml_assets.keys.tree import nodes

WHERE = "ml_assets.faults"
LOOKED_AT = "# never an error"
ANY = "*"
"""Stands for every name, as names may be computed."""
_BY_NAME = frozenset({"getattr", "hasattr", "attrgetter", "methodcaller"})
"""Functions that take a name as a string; with any other argument they may read any name."""
_BY_ANY = frozenset({"vars", "dir", "__dict__", "getmembers", "getmembers_static"})
_COMPUTING = _BY_NAME | _BY_ANY
_DOTTED = re.compile(r"(?<=\.)[A-Za-z_]\w*")


def without(tree: ast.Module) -> tuple[ast.Module, frozenset[str]]:
    """Return a tree without the declarations that may be left out, and their names."""
    body: list[ast.stmt] = []
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.bases and not node.decorator_list:
            spare = {id(item): name for item in node.body if (name := _declared(item))}
            names |= set(spare.values())
            kept = [item for item in node.body if id(item) not in spare]
            fields = {**dict(ast.iter_fields(node)), "body": kept}
            body.append(ast.ClassDef(**fields))
        else:
            body.append(node)
    return ast.Module(body, tree.type_ignores), frozenset(names)


def _declared(node: ast.stmt) -> str | None:
    """Return the name of a plain declaration that may be left out, else None."""
    if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
        return None
    name, value = node.target.id, node.value
    plain = isinstance(value, ast.Constant) or (isinstance(value, ast.Tuple) and not value.elts)
    return name if plain and not name.startswith("_") and not hasattr(Exception, name) else None


def reads(tree: ast.AST, text: str) -> frozenset[str]:
    """Return every attribute name that a source may read; with ANY if it may read all."""
    lines = enumerate(text.splitlines(), start=1)
    return frozenset(_reads(tree, {n for n, line in lines if line.endswith(LOOKED_AT)}))


def _reads(tree: ast.AST, looked_at: Container[int]) -> Iterator[str]:
    plain: set[int] = set()
    for node in nodes(tree):
        if isinstance(node, ast.Call) and (names := _given(node)):
            yield from names
            plain.add(id(node.func))
        elif isinstance(node, ast.MatchClass):
            yield from node.kwd_attrs
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _DOTTED.findall(node.value)
        elif isinstance(node, (ast.Attribute, ast.Name, ast.alias)) and id(node) not in plain:
            name = _last(node)
            if name in _COMPUTING:
                yield from () if node.lineno in looked_at else (ANY,)
            elif isinstance(node, ast.Attribute):
                yield name


def _given(call: ast.Call) -> list[str]:
    """Return the names passed to a call as strings; none if one of them is computed."""
    name = _last(call.func)
    if name not in _BY_NAME or call.keywords:
        return []
    given = call.args[1:2] if name in ("getattr", "hasattr") else call.args
    texts = [a.value for a in given if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return [part for text in texts for part in text.split(".")] if len(texts) == len(given) else []


def _last(node: ast.AST) -> str:
    """Return the last part of a name, such as `attrgetter` of `operator.attrgetter`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else getattr(node, "name", "")
