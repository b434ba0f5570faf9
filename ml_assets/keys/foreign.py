"""Code that is in no key: neither the project's, nor Python's own, nor installed.

Examples are a helper outside the project, found through `PYTHONPATH` or `sys.path`, and a module of
the project that a hook imports by a computed name. Editing it would not be noticed, and old values
would stay. So modules imported while a hook ran are inspected, and refused. Belongs here: whose a
module is. Does not belong here: what the syntax alone shows (`purity`).
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ml_assets.errors import HookError
from ml_assets.keys.code import OUTSIDE, Module
from ml_assets.keys.libraries import is_installed
from ml_assets.workspace import Workspace

_seen: dict[tuple[Path, str], dict[str, str]] = {}
"""A hook's file and digest -> its imports that are in no key, which happen once per process."""


def is_own(workspace: Workspace, name: str) -> bool:
    """Return whether a module belongs to the project, not to ml_assets."""
    inside = name == workspace.module or name.startswith(f"{workspace.module}.")
    return inside or name.split(".", maxsplit=1)[0] not in OUTSIDE


@contextmanager
def watched(
    workspace: Workspace, hooks: Iterable[str], closure: Mapping[str, Module]
) -> Iterator[None]:
    """Raise HookError if hooks (modules of a closure) import code inside that is in no key.

    Hooks that are modules of ml_assets are not inspected.
    """
    own = sorted({name for name in hooks if name in closure and is_own(workspace, name)})
    before = set(sys.modules) if own else set()
    yield
    if not own:
        return
    imported = {top for module in closure.values() for top in module.third_party}
    reached = [n for n in sys.modules if n not in before or n.split(".")[0] in imported]
    unknown = _unknown(workspace, closure, reached)
    for name in own:
        # What one call imported is already imported in the next.
        known = _seen.setdefault((closure[name].path, closure[name].digest), {})
        known |= unknown
        if known:
            raise HookError(_said(closure[name].path, known))


def _unknown(
    workspace: Workspace, closure: Collection[str], names: Iterable[str]
) -> dict[str, str]:
    unknown = {}
    roots = [str(path.resolve()) for path in workspace.roots.values()]
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if name in closure or not isinstance(file, str) or is_installed(file):
            continue
        ours = any(Path(file).resolve().is_relative_to(root) for root in roots)
        if not ours or is_own(workspace, name):
            unknown[name] = file
    return unknown


def _said(hook: Path, unknown: Mapping[str, str]) -> str:
    listed = ", ".join(f"{name} ({path})" for name, path in sorted(unknown.items()))
    return (
        f"{hook}: it imports {listed}: this code is in no key, so editing it would have no effect "
        f"here. Put it into the project and import it by an import statement, or install it as a "
        "package (not with `pip install -e`)"
    )
