"""Hooks of mkdocs: sections in a reader's order, under names for people."""

from __future__ import annotations

from typing import Any

SECTIONS = {"How-to": "How to", "Explanation": "Explanation", "Reference": "Reference"}
LAST = {"Adr": "Decisions"}
NAMES = SECTIONS | LAST


def on_nav(nav: Any, **_: Any) -> Any:
    """Order the sections: pages of the top, then how-tos, explanation, reference, decisions."""
    order = [key.lower() for key in NAMES]

    def place(item: Any) -> int:
        title = str(item.title or "").lower().replace(" ", "-") if item.is_section else ""
        return 1 + order.index(title) if title in order else 0

    nav.items.sort(key=place)
    for item in nav.items:
        if item.is_section:
            item.title = NAMES.get(item.title.replace(" ", "-"), item.title)
    # Previous and next follow the new order.
    pages = [page for item in nav.items for page in _pages(item)]
    for before, after in zip([None, *pages], [*pages, None], strict=True):
        if before is not None:
            before.next_page = after
        if after is not None:
            after.previous_page = before
    nav.pages[:] = pages
    return nav


def _pages(item: Any) -> list[Any]:
    if item.is_page:
        return [item]
    return [page for child in item.children or [] for page in _pages(child)]
