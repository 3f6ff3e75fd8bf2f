"""All checks of a run, and the one message of what they found."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.preflight import rules
from setu.preflight.data_checks import load_checks, run_checks
from setu.preflight.dependents import dependents
from setu.preflight.event_triggers import refused_by_event_triggers
from setu.preflight.facts import server_facts
from setu.preflight.findings import Finding, Plan, refusal
from setu.preflight.in_the_way import in_the_way
from setu.preflight.v1_catalog import drift, v1_schemas, v1_tables_present
from setu.preflight.way_back import way_back

_log = logging.getLogger(__name__)


def check(
    connection: Connection,
    *,
    settings: Settings,
    current: str | None,
    target: str | None,
    direction: str,
    root: Path | None = None,
) -> None:
    """Check server, role, v1's catalog and data before a run. Reads only.

    :param current: the revision at which the database is; ``target``: at which it will be after the
        run. None: before the first one.
    :param direction: ``upgrade`` or ``downgrade``.
    :param root: the repository; the one at hand by default.

    Raises :class:`setu.errors.PreflightError`, which holds all that stands against the run. What
    does not stop it is logged.
    """
    plan = Plan(direction, current, target, root)
    found = inspect(connection, plan, settings, root or repository_root())
    for finding in found:
        if not finding.stops:
            _log.warning("%s", "\n".join(finding.lines()))
    stopping = [finding for finding in found if finding.stops]
    if stopping:
        raise refusal(stopping)


def inspect(
    connection: Connection, plan: Plan, settings: Settings, root: Path, *, adopting: bool = False
) -> list[Finding]:
    """All findings of a planned run, whether they stop it or not.

    :param adopting: hold v1's catalog against ``schema/`` though the plan does not leave v1.
    """
    facts = server_facts(connection, v1_schemas(root))
    found = rules.findings(facts, plan, settings)
    barred = way_back(connection, plan, root)
    found += barred
    found += in_the_way(connection, plan, root)
    found += refused_by_event_triggers(connection, facts, plan)
    if plan.current is None and plan.upgrades:
        found += rules.adoption(plan, v1_tables_present(connection, root))
    drifted: list[Finding] = []
    # Who does not own v1's objects may not even be able to look at them.
    may_read = facts.superuser or not facts.foreign_objects
    if (plan.leaves_v1 or adopting) and not may_read:
        drifted = [
            Finding(
                "v1's catalog was not checked: this role does not own v1's objects.",
                next_step="Connect as their owner, or as a superuser",
            )
        ]
    elif plan.leaves_v1 or adopting:
        community = settings.edition != "apache" and facts.license != "apache"
        drifted = drift(connection, root, community=community)
    found += drifted
    if facts.timescaledb is not None:
        found += dependents(connection, plan, settings, root, adopting=adopting)
    # Over another schema than v1's, or without its rows, the queries about data mean nothing.
    if may_read and not any(finding.stops for finding in (*drifted, *barred)):
        found += run_checks(connection, load_checks(root), plan)
    return found
