"""The exceptions to squawk's rules that a draft needs, each above the line that needs it.

A step down undoes what its step up did: that is the reason. On the way up squawk speaks of what the
person wants, so the reason is theirs: an open point says what squawk objects to. The exception
itself is there in both, and ``setu lint`` takes the draft once its points are settled.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

from setu.chain.scaffold import OPEN
from setu.chain.script import COMMUNITY
from setu.review.sql_style import LINE_LENGTH
from setu.review.squawk import IGNORE, refused_lines, squawk_program

_CHANGED: Final = "ban-drop-constraint"


def with_exceptions(text: str, root: Path, *, undoes: bool) -> str:
    """The statements of a draft with an exception above each line that squawk refuses.

    :param undoes: whether they undo the step up. The text stays as it is where squawk is not
        installed: `setu lint` asks it nothing then.
    """
    program = squawk_program()
    if program is None:
        return text
    lines = text.split("\n")
    for number, rules in sorted(refused_lines(root, program, text).items(), reverse=True):
        before = _statement_before(lines, number)
        if before and before[-1] == COMMUNITY:
            continue  # Nothing may stand between the mark and its statement.
        indent = " " * (len(lines[number]) - len(lines[number].lstrip()))
        reason = _undoing(rules) if undoes else _reason(rules, before, lines[number + 1 :])
        said = textwrap.wrap(reason, LINE_LENGTH - len(indent) - len("-- "))
        lines[number:number] = [
            *(f"{indent}-- {line}" for line in said),
            f"{indent}{IGNORE} {', '.join(sorted(rules))}",
        ]
    return "\n".join(lines)


def _undoing(rules: dict[str, str]) -> str:
    if all(rule.startswith("ban-drop-") for rule in rules):
        return "The step up brought it."
    return "It was so before the step up."


def _reason(rules: dict[str, str], before: list[str], after: list[str]) -> str:
    if any(OPEN in line for line in before):
        return "As decided above."
    if set(rules) == {_CHANGED} and after and after[0].lstrip().startswith("ADD CONSTRAINT"):
        return "It is added again, as it should be."
    said = " ".join(_first_sentence(message) for message in rules.values())
    return f"{OPEN}: {said} Say why that is right here."


def _first_sentence(message: str) -> str:
    return message.partition(". ")[0].removesuffix(".") + "."


def _statement_before(lines: list[str], number: int) -> list[str]:
    """The lines of a statement above one of it, its comments among them."""
    first = number
    while first and lines[first - 1].strip():
        first -= 1
    return lines[first:number]
