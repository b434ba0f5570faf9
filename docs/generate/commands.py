"""The command line's reference, from the commands themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import typer

from ml_assets.cli.main import app

BEGIN, END = "<!-- commands: made by `make docs` -->", "<!-- end of commands -->"
KINDS = {int: "NUMBER", float: "NUMBER", Path: "FILE"}


def filled(page: str) -> str:
    """Return the page with the part between the two marks made anew."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"docs/reference/cli.md: wanted {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table()}\n\n{options()}\n{END}{after}"


def table() -> str:
    """Return a row a command: its first line and its first example."""
    lines = ["| command | does | example |", "| --- | --- | --- |"]
    for name, command in every().items():
        about, example = _said(command)
        lines.append(f"| `{name}` | {_cell(about)} | `{_cell(example)}` |")
    return "\n".join(lines)


def options() -> str:
    """Return a section a command: what it takes."""
    parts = []
    for name, command in every().items():
        rows = [_row(p) for p in command.params if not getattr(p, "hidden", False)]
        body = "\n".join(["| takes | what | default |", "| --- | --- | --- |", *rows])
        parts.append(f"### `ml-assets {name}`\n\n{body}\n")
    return "\n".join(parts)


def every() -> dict[str, Any]:
    """Return every command by its name; one of a group by both words (`new model`)."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        parts = getattr(command, "commands", None)
        found |= {name: command} if parts is None else {f"{name} {n}": c for n, c in parts.items()}
    return found


def _said(command: Any) -> tuple[str, str]:
    """Return a command's first sentence and its example."""
    doc = command.help or ""
    example = re.search(r"Example: (.*)", doc)
    first = " ".join(doc.split("\n\n")[0].split()).removesuffix(".")
    return first[0].lower() + first[1:], "" if example is None else example[1].strip()


def _row(parameter: Any) -> str:
    argument = not parameter.opts[0].startswith("-")
    if argument:
        name = (parameter.metavar or parameter.name).upper()
    else:
        name = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if not argument and not getattr(parameter, "is_flag", False):
        name += f" {KINDS.get(parameter.type_descriptor.annotation, 'TEXT')}"
    shown = parameter.default
    plain = isinstance(shown, (int, float, str)) and not isinstance(shown, bool) and shown != ""
    default = "required" if parameter.required else (f"`{shown}`" if plain else "")
    about = (getattr(parameter, "help", None) or "").strip()
    if getattr(parameter, "envvar", None):
        about += f" Also by `{parameter.envvar}`."
    return f"| `{_cell(name)}` | {_cell(about)} | {default} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
