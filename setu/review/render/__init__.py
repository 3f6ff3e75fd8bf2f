"""Reviews for people and programs: terminal, Markdown, one HTML page, JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from setu.review.render.html import html
from setu.review.render.json import json_text
from setu.review.render.markdown import markdown
from setu.review.render.terminal import terminal
from setu.review.schema_diff import Review

FORMATS: Final[Mapping[str, Callable[[Review], str]]] = {
    "text": terminal,
    "markdown": markdown,
    "html": html,
    "json": json_text,
}

__all__ = ["FORMATS", "html", "json_text", "markdown", "terminal"]
