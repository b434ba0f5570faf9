"""Escaping text for Markdown.

Belongs here: showing text from data literally. Does not belong here: the content of pages.
"""

from __future__ import annotations

import re
from html import escape


def plain(text: str) -> str:
    """Return a text that Markdown shows literally, on one line: without tags, links or images.

    >>> plain("<b>|")
    '&lt;b&gt;&#124;'
    >>> plain("![x](u) _y_")
    '&#33;&#91;x&#93;(u) &#95;y&#95;'
    """
    told = re.sub(r"[\\`*_\[\]|!~#]", lambda mark: f"\0{ord(mark[0])};", text)
    return " ".join(escape(told).replace("\0", "&#").split("\n"))
