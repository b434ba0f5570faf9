"""What people wrote is printed as they wrote it."""

from __future__ import annotations

import io

import pytest

from ml_assets.cli.console import Literal, styled


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[red]", "[red]"),
        ("[/]", "[/]"),
        ("a\\[b]", "a\\[b]"),
        (":dog: 12:30", ":dog: 12:30"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb", "a\\rb"),
        ("a\u202eb", "a\\u202eb"),
        ("é 東\ny", "é 東\ny"),
    ],
)
def test_literal(text: str, shown: str) -> None:
    file = io.StringIO()
    console = Literal(file=file, force_terminal=True, color_system=None)
    console.print(text)
    console.print(styled((text, "bold")))
    first, second = file.getvalue().removesuffix("\n"), f"{shown}\n{shown}"
    assert first.replace("\x1b[1m", "").replace("\x1b[0m", "") == second
