"""What a server and a database are not made for, though rows flow today.

``setu status`` says whether something is wrong now; the doctor looks at how it is built: memory,
workers, log, settings, roles, chunks, indexes. Each rule is a question in ``setu/ops/advice/``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from setu.ops.presentation import paragraph

NO_PARAMETERS = {"no_parameters": True}
#: In the order in which findings are said.
LEVELS: Final = ("error", "warning", "advice")

_ASKS = re.compile(r"^-- asks (\w+): (.+)$", re.MULTILINE)
_WHY = re.compile(r"^-- why (\w+): (.+)$", re.MULTILINE)
_LOCAL = ("", "127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Rule:
    """A question: what it asks, and why the answer matters."""

    name: str
    asks: str
    why: str


@dataclass(frozen=True)
class Finding:
    """An answer that is no: how bad, of what, and the fix.

    :ivar level: ``error``: rows or rights are at risk. ``warning``: it will do harm some day.
        ``advice``: it could be better.
    """

    rule: str
    level: str
    subject: str
    finding: str
    reason: str
    fix: str


@dataclass(frozen=True)
class Diagnosis:
    """All rules, what they found, and what could not be asked."""

    rules: tuple[Rule, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_asked: dict[str, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether there is nothing but advice."""
        return all(finding.level == "advice" for finding in self.findings)


@dataclass(frozen=True)
class Limits:
    """From where on something counts.

    :ivar ram: bytes of memory of the server's machine; None where it is not known.
    :ivar rows: of a table whose statistics are worth looking at.
    :ivar size: bytes of a table or index that is worth a word.
    """

    ram: int | None = None
    rows: int = 100_000
    size: int = 64 << 20


@dataclass(frozen=True)
class _File:
    query: str
    rules: tuple[Rule, ...]


@cache
def advice() -> tuple[_File, ...]:
    """All files of rules, in order."""
    found = []
    for path in sorted(files("setu.ops.advice").iterdir(), key=lambda path: path.name):
        if path.name.endswith(".sql"):
            text = path.read_text(encoding="utf-8")
            why = dict(_WHY.findall(text))
            rules = tuple(Rule(name, asks, why[name]) for name, asks in _ASKS.findall(text))
            found.append(_File(text, rules))
    return tuple(found)


def memory_here(connection: Connection) -> int | None:
    """Bytes of this machine's memory, where the server is on this machine."""
    driver: Any = connection.connection.dbapi_connection
    host = driver.info.host or ""
    if host not in _LOCAL and not host.startswith("/"):
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def diagnose(
    connection: Connection,
    limits: Limits,
    *,
    more_rules: Sequence[Rule] = (),
    more_findings: Iterable[Finding] = (),
) -> Diagnosis:
    """Ask all questions, by any role; what it may not see is not asked, and named.

    :param more_rules: rules that need no query, with their ``more_findings``.
    """
    for name, value in (("ram", limits.ram), ("rows", limits.rows), ("bytes", limits.size)):
        connection.exec_driver_sql(
            "SELECT set_config(%s, %s, true)",
            (f"setu_doctor.{name}", "" if value is None else str(value)),
        )
    rules = list(more_rules)
    found = list(more_findings)
    not_asked: dict[str, str] = {}
    if limits.ram is None:
        why = "the server is on another machine: give --ram"
        not_asked = {"memory_is_used": why, "memory_is_bounded": why}
    for file in advice():
        rules += file.rules
        reasons = {rule.name: rule.why for rule in file.rules}
        try:
            with connection.begin_nested():
                for rule, level, subject, finding, fix in connection.exec_driver_sql(
                    file.query, execution_options=NO_PARAMETERS
                ):
                    found.append(Finding(rule, level, subject, finding, reasons[rule], fix))
        except DBAPIError as error:
            if not isinstance(
                error.orig,
                (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedTable),
            ):
                raise
            first = str(error.orig).strip().splitlines()[0]
            not_asked |= dict.fromkeys(reasons, first)
    order = {rule.name: place for place, rule in enumerate(rules)}
    found.sort(key=lambda f: (LEVELS.index(f.level), order[f.rule], f.subject))
    return Diagnosis(tuple(rules), tuple(found), not_asked)


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """All of it for a program."""
    return {
        "sound": diagnosis.sound,
        "findings": [dict(vars(finding)) for finding in diagnosis.findings],
        "rules": [
            {**vars(rule), "not_asked": diagnosis.not_asked.get(rule.name, "")}
            for rule in diagnosis.rules
        ],
    }


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """The verdict in one line, then each finding with its reason and its fix."""
    asked = len(diagnosis.rules) - len(diagnosis.not_asked)
    counts = [
        f"{number} {level if number == 1 or level == 'advice' else level + 's'}"
        for level in LEVELS
        if (number := sum(finding.level == level for finding in diagnosis.findings))
    ]
    rest = f", {len(diagnosis.not_asked)} not asked" if diagnosis.not_asked else ""
    yield f"{', '.join(counts) or 'nothing found'}: {asked} rules asked{rest}"
    told = ""
    for finding in diagnosis.findings:
        if finding.rule != told:
            told = finding.rule
            yield ""
            yield f"{finding.level}: {finding.rule}"
            yield from paragraph(finding.reason, 2)
        yield from paragraph(f"{finding.subject} {finding.finding}", 2)
        yield f"    -> {finding.fix}"
    if diagnosis.not_asked:
        yield ""
        yield "not asked"
        for name, why in diagnosis.not_asked.items():
            yield from paragraph(f"{name}: {why}", 2)
