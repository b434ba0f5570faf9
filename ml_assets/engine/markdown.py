"""Escaping text for Markdown.

Belongs here: showing what came from data as it is. Does not belong here: what a page says.
"""

from __future__ import annotations

import re
from html import escape


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is, on one line: no tag, link or picture of its own.

    >>> plain("<b>|")
    '&lt;b&gt;&#124;'
    >>> plain("![x](u) _y_")
    '&#33;&#91;x&#93;(u) &#95;y&#95;'
    """
    told = re.sub(r"[\\`*_\[\]|!~#]", lambda mark: f"\0{ord(mark[0])};", text)
    return " ".join(escape(told).replace("\0", "&#").split("\n"))
