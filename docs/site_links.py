"""A hook of mkdocs: what a page links to outside of docs/ is named on the site, not linked."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((\.\./[^)#]+)(#[^)]*)?\)")


def on_page_markdown(markdown: str, **_given: Any) -> str:
    """Replace links that leave the site by the path in the repository."""
    return _OUTSIDE.sub(lambda link: f"{link[1]} (`{link[2][3:].replace('%20', ' ')}`)", markdown)
