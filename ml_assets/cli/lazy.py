"""Commands whose modules are imported when they are asked for, since each imports seconds' worth.

Belongs here: a group of such commands. Does not belong here: which commands there are (`main`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.machinery import SourceFileLoader
from importlib.util import find_spec
from inspect import cleandoc
from types import CodeType
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info, get_group_from_info
from typer.models import CommandInfo, TyperInfo

from ml_assets.startup import importing

PACKAGE = "ml_assets.cli"
STYLE: dict[str, Any] = {"pretty_exceptions_short": True, "rich_markup_mode": "rich"}


class Commands(dict[str, Any]):
    """Commands by name; one that is looked up is imported."""

    def __init__(self, modules: Mapping[str, str], groups: Mapping[str, str]) -> None:
        super().__init__(dict.fromkeys(modules))
        self._modules = modules
        self._groups = groups

    def __getitem__(self, name: str) -> Any:
        """Return the command, which is its module's function or `app` of the same name."""
        if super().__getitem__(name) is None:
            with importing():
                module = importlib.import_module(f"{PACKAGE}.{self._modules[name]}")
            self[name] = (
                self._group(name, module.app) if name in self._groups else _command(module, name)
            )
        return super().__getitem__(name)

    def _group(self, name: str, app: typer.Typer) -> TyperGroup:
        info = TyperInfo(app, name=name, help=self._groups[name])
        return get_group_from_info(info, suggest_commands=True, **STYLE)

    def get(self, name: str, default: Any = None) -> Any:
        """Return the command, imported."""
        try:
            return self[name]
        except KeyError:
            return default

    def items(self) -> Any:
        """Yield every command, imported."""
        return ((name, self[name]) for name in self)

    def values(self) -> Any:
        """Yield every command, imported."""
        return (self[name] for name in self)

    def listed(self, name: str) -> TyperCommand:
        """Return a command that only knows its help; nothing is imported."""
        said = self._groups.get(name) or cleandoc(
            _docstring(f"{PACKAGE}.{self._modules[name]}", name)
        )
        return TyperCommand(name, help=said, rich_markup_mode="rich")


def _command(module: Any, name: str) -> Any:
    return get_command_from_info(CommandInfo(callback=getattr(module, name)), **STYLE)


def _docstring(module: str, name: str) -> str:
    """Return a function's docstring, from the compiled module, which is not executed."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    # Not by `spec.loader`, which is another while coverage is measured.
    code = SourceFileLoader(module, spec.origin).get_code(module)
    assert code is not None
    return next(str(item.co_consts[0]) for item in _functions(code) if item.co_name == name)


def _functions(code: CodeType) -> Iterator[CodeType]:
    return (item for item in code.co_consts if isinstance(item, CodeType))


class LazyGroup(TyperGroup):
    """A group that imports the command that runs, and none to list them."""

    modules: ClassVar[Mapping[str, str]]
    """The module of each command in the package of commands."""
    groups: ClassVar[Mapping[str, str]]
    """The commands that are groups themselves, with their help."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "commands": Commands(self.modules, self.groups)})
        self._listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names."""
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, or what is listed of it."""
        assert isinstance(self.commands, Commands)
        if self._listing and cmd_name in self.commands:
            return self.commands.listed(cmd_name)
        return self.commands.get(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the commands that begin so."""
        self._listing = True
        try:
            return super().shell_complete(ctx, incomplete)
        finally:
            self._listing = False
