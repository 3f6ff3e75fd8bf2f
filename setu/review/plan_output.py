"""A plan as JSON, text and markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from setu.review.plan import Lock, RunPlan

#: Rises whenever a reader of the JSON before would not understand it.
FORMAT: Final = 1


def document(plan: RunPlan) -> dict[str, Any]:
    """The plan as plain values, for JSON."""
    return {
        "format": FORMAT,
        "from": plan.start,
        "to": plan.end,
        "direction": plan.direction,
        "exit_code": plan.exit_code,
        "rows": plan.rows,
        "bytes": plan.bytes,
        "seconds": round(plan.seconds, 1),
        "rows_per_second": round(plan.rate),
        "refusals": list(plan.refusals),
        "warnings": list(plan.warnings),
        "notes": list(plan.notes),
        "steps": [
            {
                "revision": step.revision,
                "what": step.what,
                "transaction": step.transaction,
                "statements": list(step.statements),
                "locks": None
                if step.locks is None
                else [
                    {
                        "mode": lock.mode,
                        "object": lock.object,
                        "blocks_writers": lock.blocks_writers,
                    }
                    for lock in step.locks
                ],
                "lock_as_stated": step.stated,
                "loses": step.loses,
                "down": step.undone,
                "refuses_where": list(step.refuses),
                "rows": step.rows,
                "bytes": step.bytes,
                "seconds": round(step.seconds, 2),
            }
            for step in plan.steps
        ],
        "way_back": [
            {"revision": u.revision, "loses": u.loses, "refuses_where": list(u.refuses)}
            for u in plan.back
        ],
    }


def text_lines(plan: RunPlan) -> Iterator[str]:
    """The plan for the terminal: a summary, then step by step."""
    yield f"{plan.direction} from {plan.start or 'base'} to {plan.end or 'base'}"
    yield ""
    yield f"  steps         {len(plan.steps)}"
    yield f"  rows to move  {plan.rows:,}"
    yield f"  disk needed   {_size(plan.bytes)}"
    yield f"  about         {_duration(plan.seconds)}, at {plan.rate:,.0f} rows a second (measured)"
    for note in plan.notes:
        yield from _wrapped(f"note: {note}", "  ")
    losing = [step.revision for step in plan.steps if step.loses]
    yield f"  loses:        {', '.join(losing) or 'nothing'}"
    kept = [entry.revision for entry in plan.back if entry.loses]
    yield f"  cannot be undone: {', '.join(kept) or 'nothing'}"
    yield f"  will refuse:  {'yes, see below' if plan.refusals else 'no'}"
    yield ""
    for title, found in (("Will refuse", plan.refusals), ("Warnings", plan.warnings)):
        if found:
            yield title
            for entry in found:
                for line in entry.splitlines():
                    yield from _wrapped(line.strip(), " " * (2 + len(line) - len(line.lstrip())))
            yield ""
    for step in plan.steps:
        kind = "" if step.transaction else ", not in one transaction"
        yield from _wrapped(f"{step.revision}  {step.what}", "")
        count = len(step.statements)
        plural = "" if count == 1 else "s"
        yield f"      {count} statement{plural}{kind}, {_duration(step.seconds)}"
        if step.rows:
            yield f"      moves {step.rows:,} rows, {_size(step.bytes)}"
        if step.locks is None:
            yield from _wrapped(f"lock (as stated): {step.stated}")
        else:
            strong = [lock for lock in step.locks if lock.blocks_writers]
            for mode, names in _by_mode(strong):
                yield from _wrapped(f"{mode} on {len(names)}: {', '.join(names)}")
            others = len(step.locks) - len(strong)
            if others:
                yield f"      {others} weaker locks, which stop no writer"
            if not step.locks:
                yield "      no lock on existing objects"
        if step.loses:
            yield from _wrapped(f"loses: {step.loses}")
        for message in step.refuses:
            yield from _wrapped(f"refuses where: {message}")
    if plan.back:
        yield ""
        yield f"To undo this {plan.direction}"
    for undo in plan.back:
        yield undo.revision
        if undo.loses:
            yield from _wrapped(f"loses: {undo.loses}")
        for message in undo.refuses:
            yield from _wrapped(f"refuses where: {message}")


def _by_mode(locks: Sequence[Lock]) -> list[tuple[str, list[str]]]:
    """Names by mode, without what only a run itself knows."""
    found: dict[str, list[str]] = {}
    for lock in locks:
        if lock.object.partition(".")[0] not in ("_stage", "_archive"):
            found.setdefault(lock.mode, []).append(lock.object)
    return list(found.items())


def _wrapped(line: str, indent: str = "      ") -> list[str]:
    return textwrap.wrap(
        line,
        80,
        initial_indent=indent,
        subsequent_indent="        ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def text(plan: RunPlan) -> str:
    """The plan as text, with a final newline."""
    return "\n".join(text_lines(plan)).rstrip() + "\n"


def markdown(plan: RunPlan) -> str:
    """The plan as Markdown, with a final newline."""
    lines = [
        f"# {plan.direction}: `{plan.start or 'base'}` → `{plan.end or 'base'}`",
        "",
        f"{len(plan.steps)} steps, {plan.rows:,} rows to move, {_size(plan.bytes)} of disk, about"
        f" {_duration(plan.seconds)} (at {plan.rate:,.0f} rows a second as measured).",
        "",
    ]
    for title, found in (("Will refuse", plan.refusals), ("Warnings", plan.warnings)):
        if found:
            lines += [f"## {title}", "", *(f"- {' '.join(entry.split())}" for entry in found), ""]
    lines += ["| revision | what | statements | locks that stop writers | rows | loses |"]
    lines += ["|---|---|--:|---|--:|---|"]
    for step in plan.steps:
        if step.locks is None:
            locks = f"as stated: {step.stated}"
        else:
            strong = [lock for lock in step.locks if lock.blocks_writers]
            locks = "<br>".join(
                f"{mode} on {', '.join(f'`{name}`' for name in names)}"
                for mode, names in _by_mode(strong)
            )
        cells = (step.revision, step.what, str(len(step.statements)), locks or "none",
                 f"{step.rows:,}", step.loses)  # fmt: skip
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if plan.back:
        lines += ["", f"## To undo this {plan.direction}", ""]
        lines += ["| revision | loses | refuses where |", "|---|---|---|"]
    for undo in plan.back:
        lines.append(f"| {undo.revision} | {undo.loses} | {'<br>'.join(undo.refuses)} |")
    return "\n".join(lines) + "\n"


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1024:
            return f"{number:,.0f} {unit}"
        number /= 1024
    return f"{number:,.1f} TB"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
