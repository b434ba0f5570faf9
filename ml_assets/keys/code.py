"""Digests of code: the syntax trees of every first-party module that a function can reach.

Comments, docstrings, formatting and `if TYPE_CHECKING:` blocks are left out. Nothing is
imported to compute a digest.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_assets.errors import HookError
from ml_assets.keys import error_attributes as spare
from ml_assets.keys.libraries import is_installed, places
from ml_assets.keys.syntax import EMPTY, Syntax, parsed
from ml_assets.moved import moved

OUTSIDE = frozenset({"ml_assets"})
"""Packages whose __init__ is in no closure, because it only re-exports lazily."""


@dataclass(frozen=True)
class Module:
    """One source file as it was read: digest, imports, text."""

    name: str
    path: Path
    stat: tuple[int, int, int]
    digest: str
    first_party: frozenset[str]
    third_party: frozenset[str]
    text: str
    said: Syntax

    def is_as_read(self) -> bool:
        """Return whether the file is unchanged since it was read."""
        try:
            return stamp(self.path) == self.stat
        except FileNotFoundError:
            return False


def stamp(path: Path) -> tuple[int, int, int]:
    """Return a file's change times (ns) and size (bytes), which reveal an edit."""
    info = path.stat()
    return info.st_mtime_ns, info.st_ctime_ns, info.st_size


_modules: dict[tuple[str, Path, tuple[str, ...]], Module] = {}
"""Files read in this process; whether an import is first-party depends on the packages."""


class Sources:
    """First-party sources; a file is read again only if it changed."""

    def __init__(self, roots: Mapping[str, Path]) -> None:
        self._roots = roots

    def closure(self, modules: Iterable[str]) -> dict[str, Module]:
        """Return every first-party module reachable from these, by its current name.

        Raises HookError if one of these has no source, or a source that is not Python.
        Modules of installed packages are in no closure; `libraries` covers them.
        """
        by_name: dict[str, Module] = {}
        waiting = sorted(set(modules) - self._installed(modules))
        while waiting:
            asked = waiting.pop()
            name = self._here(asked)
            if name in by_name:
                continue
            module = self._module(name)
            if module is None:
                raise HookError(f"no source file for module {asked}")
            by_name[name] = module
            # Also the former packages of a moved module, which are in its keys.
            parents = [*_parents(name), *_parents(moved.first(name))]
            for other in (*sorted(module.first_party), *dict.fromkeys(parents)):
                known = other not in by_name and other not in OUTSIDE
                if known and self._path(self._here(other)) is not None:
                    waiting.append(other)
        return by_name

    def libraries(self, modules: Iterable[str]) -> set[str]:
        """Return the top-level modules of other packages that these reach or belong to.

        Raises HookError as `closure` does.
        """
        given = list(modules)
        packages = {name for module in self.closure(given).values() for name in module.third_party}
        return packages | {name.split(".")[0] for name in self._installed(given)}

    def _installed(self, modules: Iterable[str]) -> set[str]:
        """Return the modules of installed packages.

        Raises HookError if one is not installed, or from a folder where it can be edited.
        """
        names = {name for name in modules if name.split(".")[0] not in self._roots}
        for name in sorted(names):
            top = name.split(".")[0]
            found = places(top)
            if not found:
                raise HookError(f"no package {top} for {name}: install it")
            if not all(map(is_installed, found)):
                raise HookError(
                    f"{name}: the package {top} is read from {found[0]}, where an edit would "
                    "not change its version: install it (not with `pip install -e`), or put its "
                    "code into the project"
                )
        return names

    def _here(self, name: str) -> str:
        """Return the one of a module's names that has a source."""
        if not moved.moves or self._path(name) is not None:
            return name
        return next((other for other in moved.names(name) if self._path(other) is not None), name)

    def _path(self, name: str) -> Path | None:
        top, *rest = name.split(".")
        if top not in self._roots:
            return None
        # As text: thousands of these are asked for, and a Path takes five times as long to make.
        base = os.path.join(self._roots[top], *rest)
        for path in (f"{base}.py" if rest else None, os.path.join(base, "__init__.py")):
            if path is not None and os.path.isfile(path):
                return Path(path)
        return None

    def _module(self, name: str) -> Module | None:
        path = self._path(name)
        if path is None:
            return None
        stat = stamp(path)
        place = (name, path, tuple(sorted(self._roots)))
        known = _modules.get(place)
        if known is None or known.stat != stat:
            known = _modules[place] = self._read(name, path, stat)
        return known

    def _read(self, name: str, path: Path, stat: tuple[int, int, int]) -> Module:
        try:
            source = path.read_bytes()
            text = importlib.util.decode_source(source)
            tree = parsed(path, source, text)
        except SyntaxError as error:
            raise HookError(f"{path}:{error.lineno or 1}: {error.msg}") from error
        except UnicodeDecodeError as error:
            raise HookError(f"{path}: not {error.encoding} text: {error.reason}") from error
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imported = set(absolute(tree.imports, package))
        first = {other for other in imported if other.split(".")[0] in self._roots}
        third = {other.split(".")[0] for other in imported - first}
        return Module(
            name,
            path,
            stat,
            tree.digest,
            frozenset(first),
            frozenset(third - sys.stdlib_module_names),
            text,
            tree,
        )


def digests(closure: Mapping[str, Module]) -> dict[str, str]:
    """Return the digests of a closure as keys use them: by the first name of each module.

    A package without code of its own is included if a module was first in it.
    """
    first = {name: moved.first(name) for name in closure}
    # If a module now has another's old name, the name means it alone.
    first |= {name: name for name, then in first.items() if then in closure}
    renamed = {then for name, then in first.items() if then != name}
    by_name = {first[name]: module.digest for name, module in closure.items()}
    if (faults := moved.first(spare.WHERE)) in by_name:
        name = next(name for name, then in first.items() if then == faults)
        by_name[faults] = _faults(closure[name], closure.values())
    if renamed:
        parents = {parent for name in by_name for parent in _parents(name)}
        for name, module in closure.items():
            bare = module.path.name == "__init__.py" and module.digest == EMPTY
            if bare and first[name] not in parents:
                del by_name[first[name]]
        gone = {parent for name in renamed for parent in _parents(name)} - OUTSIDE
        by_name |= dict.fromkeys(gone - by_name.keys(), EMPTY)
    return dict(sorted(by_name.items()))


def _faults(faults: Module, closure: Iterable[Module]) -> str:
    """Return the digest of `faults` without attributes that nothing in a closure reads."""
    looked_for = faults.said.spare | {spare.ANY}
    unread = all(looked_for.isdisjoint(module.said.reads) for module in closure)
    return faults.said.bare if unread else faults.digest


def _parents(name: str) -> list[str]:
    return [".".join(name.split(".")[:n]) for n in range(1, name.count(".") + 1)]


def absolute(imports: Iterable[tuple[int, str]], package: str) -> Iterator[str]:
    """Yield the full names of relative imports (level, name) in a package."""
    parts = package.split(".")
    for level, name in imports:
        base = ".".join(parts[: len(parts) - level + 1]) if level else ""
        yield ".".join(part for part in (base, name) if part)


class Snapshot(Sources):
    """Sources at one moment: each closure is read once.

    So is each module, as closures share most of them.
    """

    def __init__(self, roots: Mapping[str, Path]) -> None:
        super().__init__(roots)
        self._closures: dict[frozenset[str], dict[str, Module]] = {}
        self._paths: dict[str, Path | None] = {}
        self._read_once: dict[str, Module | None] = {}

    def closure(self, modules: Iterable[str]) -> dict[str, Module]:
        """Return every first-party module reachable from these, by name."""
        wanted = frozenset(modules)
        if wanted not in self._closures:
            self._closures[wanted] = super().closure(wanted)
        return self._closures[wanted]

    def _path(self, name: str) -> Path | None:
        if name not in self._paths:
            self._paths[name] = super()._path(name)
        return self._paths[name]

    def _module(self, name: str) -> Module | None:
        if name not in self._read_once:
            self._read_once[name] = super()._module(name)
        return self._read_once[name]
