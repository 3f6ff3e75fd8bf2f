"""A review as one HTML page: no other file, no network, a filter, both texts beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from html import escape
from importlib.resources import files
from string import Template

from setu.review.changes import RISKS
from setu.review.schema_diff import Review, ReviewedChange


def html(review: Review) -> str:
    """The page, whole."""
    page = Template((files("setu.review.render") / "page.html").read_text(encoding="utf-8"))
    return page.substitute(
        title=escape(f"{review.left} → {review.right}"),
        summary="\n".join(_summary(review)),
        layers="\n".join(
            f'<option value="{escape(layer)}">{escape(layer)}</option>'
            for layer in sorted({e.change.layer for e in review.changes})
        ),
        lists=_LISTS if review.held else "",
        missing="\n".join(_missing(review)),
        changes="\n".join(_change(entry, held=review.held) for entry in review.changes),
    )


_LISTS = """<label>List <select id="list">
<option value="">all</option>
<option value="asked">asked and done</option>
<option value="explained">not asked, with a reason</option>
<option value="unexplained">not asked, without a reason</option>
</select></label>"""


def _summary(review: Review) -> Iterator[str]:
    risks = review.by_risk()
    yield f"<p><b>{len(review.changes)}</b> changes: "
    yield ", ".join(f'<span class="{risk}">{risks[risk]} {risk}</span>' for risk in RISKS) + "</p>"
    if review.held:
        yield "<table><tbody>"
        rows = (
            ("asked and done", f"{len(review.asked)} changes, of {len(review.requests)} requests"),
            ("asked and missing", f"{len(review.missing)} requests"),
            (
                "done and not asked",
                f"{len(review.unasked)} changes, {len(review.unexplained)} without a reason",
            ),
        )
        yield from (f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows)
        yield "</tbody></table>"
    counted = Counter((e.change.layer, e.change.risk) for e in review.changes)
    yield "<table><thead><tr><th>layer</th>"
    yield "".join(f"<th>{risk}</th>" for risk in RISKS) + "</tr></thead><tbody>"
    for layer in sorted({layer for layer, _ in counted}):
        cells = "".join(f'<td class="number">{counted[layer, risk]}</td>' for risk in RISKS)
        yield f"<tr><td>{escape(layer)}</td>{cells}</tr>"
    yield "</tbody></table>"


def _missing(review: Review) -> Iterator[str]:
    if review.missing:
        yield "<h2>Asked and missing</h2><ul>"
        for request in review.missing:
            yield f"<li><code>{escape(request.text)}</code>: {escape(request.problem)}</li>"
        yield "</ul>"
    if review.problems:
        yield "<h2>Problems</h2><ul>"
        yield from (f"<li>{escape(problem)}</li>" for problem in review.problems)
        yield "</ul>"


def _change(entry: ReviewedChange, *, held: bool) -> str:
    change = entry.change
    which = "asked" if entry.asked else "explained" if entry.explained else "unexplained"
    details = "".join(f"<li>{escape(detail)}</li>" for detail in change.details)
    parts = Counter(part.kind for part in change.parts)
    if parts:
        details += f"<li>with {', '.join(f'{n} {kind}' for kind, n in parts.items())}</li>"
    notes = [f'<span class="{change.risk}">{change.risk}</span>: {escape(change.why)}']
    notes += [f"asked: <code>{escape(request.text)}</code>" for request in entry.requests]
    if entry.reason:
        notes.append(f"not asked: {escape(entry.reason)}")
    elif held and not entry.asked:
        notes.append('<b class="destructive">not asked, and without a reason</b>')
    left, right = _beside(change.before, change.after)
    revision = f"<small>{escape(entry.revision)}</small>" if entry.revision else ""
    return (
        f'<details class="change" data-risk="{change.risk}" data-layer="{escape(change.layer)}"'
        f' data-list="{which}" data-text="{escape(_searched(entry))}">'
        f'<summary><span class="mark {change.risk}">{change.risk}</span>'
        f" <code>{escape(change.title)}</code> {revision}</summary>"
        f"<ul>{details}</ul><p>{'<br>'.join(notes)}</p>"
        f'<div class="texts"><pre>{left}</pre><pre>{right}</pre></div></details>'
    )


def _searched(entry: ReviewedChange) -> str:
    change = entry.change
    parts = (change.title, str(change.whole), entry.revision or "", entry.reason, change.why)
    return " ".join(parts).lower()


def _beside(before: str, after: str) -> tuple[str, str]:
    """Both texts, line by line, with the lines that differ marked."""
    left, right = before.splitlines(), after.splitlines()
    sides: tuple[list[str], list[str]] = ([], [])
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        pairs = ((left[a:b], "del", sides[0]), (right[c:d], "ins", sides[1]))
        height = max(b - a, d - c)
        for lines, word, side in pairs:
            for at in range(height):
                text = escape(lines[at]) if at < len(lines) else ""
                if tag != "equal" and at < len(lines):
                    text = f"<{word}>{text or ' '}</{word}>"
                side.append(text)
    return "\n".join(sides[0]), "\n".join(sides[1])
