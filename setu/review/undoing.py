"""What of a way cannot be undone, and on what the way back would refuse: read from the steps.

A step's header says what it loses (``loses:``). Where it refuses, it raises: in a block of its own,
or in a function that a block calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pglast import ast, parse_sql

from setu.chain.header import LOSES
from setu.chain.script import Statement
from setu.chain.step import Part, Step

_RAISE: Final = re.compile(
    r"RAISE\s+EXCEPTION\s+((?:'(?:[^']|'')*'\s*)+)([^;]*)",
)
_LITERAL: Final = re.compile(r"'((?:[^']|'')*)'(?!')")
_CODE: Final = re.compile(r"ERRCODE\s*=\s*'(\w+)'")
_HANDLER: Final = re.compile(r"\bWHEN\s+((?:[a-z_]+\s+OR\s+)*[a-z_]+)\s+THEN\b")
#: Statements that run code, where others only make or drop it.
_RUNS: Final = re.compile(r"\s*(DO|SELECT|CALL|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_CALLED: Final = re.compile(r"\b([a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)\s*\(")


@dataclass(frozen=True)
class Undoing:
    """What the way back of one step loses, and its refusals; ``…`` stands for a value."""

    revision: str
    loses: str
    refuses: tuple[str, ...]


def loses(step: Step, part: Part) -> str:
    """What a direction of a step loses; empty where its header says so, or says nothing."""
    said = step.script(part).header.values.get(LOSES, "")
    return "" if said.startswith("nothing") else said


def refusals(step: Step, part: Part, bodies: Mapping[str, str], edition: str) -> tuple[str, ...]:
    """The messages with which a direction of a step refuses.

    :param bodies: what :func:`bodies_of` gives of the chain.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [s.text for s in step.script(part).statements(edition) if _RUNS.match(s.text)]
    # A block that handles a condition does not refuse because of it.
    handled = {c for text in waiting for names in _HANDLER.findall(text) for c in names.split()}
    while waiting:
        text = waiting.pop()
        for message, code in raised(text):
            if code not in handled:
                found.setdefault(message.replace("%", "…"))
        for name in _CALLED.findall(text):
            if name in bodies and name not in seen:
                seen.add(name)
                waiting.append(bodies[name])
    return tuple(sorted(found))


def raised(text: str) -> Iterator[tuple[str, str]]:
    """Each exception that PL/pgSQL raises: its message (``%`` for values) and its condition."""
    for literals, rest in _RAISE.findall(text):
        # Literals that stand one below the other are one.
        message = "".join(_LITERAL.findall(literals)).replace("''", "'")
        code = _CODE.search(rest)
        yield message, code[1] if code else ""


def bodies_of(steps: Iterable[Step]) -> dict[str, str]:
    """The text of each function that the chain makes, by name."""
    bodies: dict[str, str] = {}
    for step in steps:
        for part in ("up", "down"):
            for statement in step.script("up" if part == "up" else "down").all_statements:
                if _makes_function(statement):
                    node: Any = parse_sql(statement.text)[0].stmt
                    name = ".".join(part.sval for part in node.funcname)
                    bodies[name] = bodies.get(name, "") + statement.text
    return bodies


def way_back(
    steps: Iterable[Step], part: Part, chain: Iterable[Step], edition: str
) -> list[Undoing]:
    """What undoing each step would lose or refuse, in the order of undoing; others left out.

    :param part: the direction that is to be undone.
    """
    back: Part = "down" if part == "up" else "up"
    bodies = bodies_of(chain)
    found = [
        Undoing(step.revision, loses(step, back), refusals(step, back, bodies, edition))
        for step in reversed(list(steps))
    ]
    return [entry for entry in found if entry.loses or entry.refuses]


def _makes_function(statement: Statement) -> bool:
    return statement.text.lstrip().upper().startswith("CREATE") and isinstance(
        parse_sql(statement.text)[0].stmt, ast.CreateFunctionStmt
    )
