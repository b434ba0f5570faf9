"""An offline HTML page from a Jinja2 template: everything escaped, no name that is not given.

Belongs here: what every page begins with, and rendering. Does not belong here: any page's own
structure, wording and style.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined, Template


def head(title: str) -> str:
    """Return the template of a page's beginning; `title` is a template, `style` is asked for."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{{{{ style | safe }}}}</style>
</head>
<body>
"""


def rendered(template: str, shown: Mapping[str, Any], *, trim: bool = False) -> bytes:
    """Return a page, UTF-8; with `trim`, lines that only hold a statement leave nothing."""
    return _compiled(template, trim).render(shown).encode("utf-8")


@functools.cache
def _compiled(template: str, trim: bool) -> Template:
    environment = Environment(
        loader=DictLoader({"page": template}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=trim,
        lstrip_blocks=trim,
    )
    return environment.get_template("page")
