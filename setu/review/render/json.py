"""A review as JSON; ``review.schema.json`` beside this module is its schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

from setu.review.held import HeldRequest
from setu.review.schema_diff import Review, ReviewedChange

#: Rises whenever a reader of the format before would not understand it.
FORMAT: Final = 1


def json_text(review: Review) -> str:
    """The review as stable JSON, with a final newline."""
    return json.dumps(document(review), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def json_schema() -> dict[str, Any]:
    """The JSON Schema of :func:`document`."""
    text = (files("setu.review.render") / "review.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def document(review: Review) -> dict[str, Any]:
    """The review as plain values."""
    return {
        "format": FORMAT,
        "left": review.left,
        "right": review.right,
        "exit_code": review.exit_code,
        "summary": {
            "changes": len(review.changes),
            "by_risk": dict(review.by_risk()),
            "requests": len(review.requests),
            "asked_and_done": len(review.asked),
            "asked_and_missing": len(review.missing),
            "done_and_not_asked": len(review.unasked) if review.held else 0,
            "unexplained": len(review.unexplained) if review.held else 0,
        },
        "asked_and_missing": [_request(request) for request in review.missing],
        "problems": list(review.problems),
        "changes": [_change(entry) for entry in review.changes],
    }


def _request(held: HeldRequest) -> dict[str, Any]:
    return {
        "object": held.file.qualified_name,
        "line": held.request.line,
        "request": held.text,
        "problem": held.problem,
    }


def _change(entry: ReviewedChange) -> dict[str, Any]:
    change = entry.change
    return {
        "action": change.action,
        "kind": change.key.kind,
        "name": change.key.name,
        "facet": change.facet,
        "renamed_to": change.renamed_to,
        "layer": change.layer,
        "object": {"kind": change.whole.kind, "name": change.whole.name},
        "fields": {
            name: {"before": before, "after": after}
            for name, (before, after) in change.fields.items()
        },
        "parts": [{"kind": part.kind, "name": part.name} for part in change.parts],
        "risk": change.risk,
        "why": change.why,
        "revision": entry.revision,
        "requests": [request.text for request in entry.requests],
        "reason": entry.reason,
        "asked": entry.asked,
        "before": change.before,
        "after": change.after,
    }
