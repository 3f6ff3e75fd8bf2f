"""The header of a step's file: lines ``-- key: value`` at its top."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from setu.errors import StepError

HEADER_KEYS = ("what", "why", "transaction", "lock", "down")
#: What a step loses, and why that is right: of a step that drops what may hold values.
LOSES = "loses"
#: What runs outside the transaction before each attempt of a step to get its locks.
BEFORE = "before"
#: A statement that several sessions may run at once, each with work of its own.
WORKERS = "workers"
HEADER_LINES = 6
_HEADER_LINE = re.compile(r"--\s*([A-Za-z_]+):\s*(.*?)\s*")


@dataclass(frozen=True)
class Header:
    """What the head of a step's file says: key → value."""

    values: Mapping[str, str]

    @property
    def transaction(self) -> bool:
        """Whether the step runs inside a transaction."""
        return self.values.get("transaction", "yes").lower().startswith("yes")

    @property
    def before(self) -> str | None:
        """What to run outside the transaction before each attempt, or nothing."""
        return self.values.get(BEFORE)

    @property
    def workers(self) -> str | None:
        """The statement that several sessions may run at once, or nothing."""
        return self.values.get(WORKERS)


def read_header(source: str, file: str, *, required: bool) -> Header:
    """The header of a file's text. Raises :class:`StepError` where it breaks a rule."""
    values: dict[str, str] = {}
    rule = (
        f"Open the file with lines '-- key: value', one for each of {', '.join(HEADER_KEYS)}, "
        f"{HEADER_LINES} lines at most, then an empty line; a value stays on its line"
    )
    for number, line in enumerate(source.split("\n"), start=1):
        if not line.startswith("--") or line.startswith("-- @") or line.strip() == "--":
            break
        match = _HEADER_LINE.fullmatch(line)
        problem = ""
        if match is None:
            problem = f"The header line is not '-- key: value': {line}"
        elif match[1].lower() not in (*HEADER_KEYS, LOSES, BEFORE, WORKERS):
            problem = f"The header has an unknown key: {match[1]}"
        elif match[1].lower() in values:
            problem = f"The header has the key {match[1]} twice."
        elif number > HEADER_LINES:
            problem = f"The header is longer than {HEADER_LINES} lines."
        if problem and (required or match is not None):
            raise StepError(f"{file}:{number} {problem}", hint=rule)
        if match is None:
            break
        values[match[1].lower()] = match[2]
    if required:
        missing = [key for key in HEADER_KEYS if not values.get(key)]
        if missing:
            raise StepError(f"{file} lacks {', '.join(missing)} in its header.", hint=rule)
    transaction = values.get("transaction", "yes")
    if not re.match(r"(yes|no)\b", transaction, re.IGNORECASE):
        raise StepError(f"{file} says 'transaction: {transaction}'.", hint="Say yes or no")
    return Header(values)
