"""The rules about server and role: pure functions of the facts and the plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from setu.chain.settings import Settings
from setu.preflight.facts import ServerFacts
from setu.preflight.findings import JOBS_REVISION, ROLES_REVISION, V1_REVISION, Finding, Plan
from setu.preflight.known_faults import faults_of

OLDEST_POSTGRES: Final = 150_000
OLDEST_TIMESCALEDB: Final = (2, 18)
SPARE_CONNECTIONS: Final = 3
#: What the chain adds that runs every minute, ten loads, and the daily retention. Policies of the
#: column store and of gold are many more, but seldom run. TimescaleDB itself needs a scheduler for
#: each database.
PLANNED_JOBS: Final = 11
SHOWN: Final = 10
#: Steps that change the roles, or objects of theirs.
_OF_ROLES: Final = (JOBS_REVISION, "0501")

#: First PostgreSQL minor release of each version under which older TimescaleDB mistakes a job's
#: success for a failure, and the releases of TimescaleDB that fix it.
_BAD_SINCE_MINOR: Final = {15: 20, 16: 16, 17: 12, 18: 7}
_FIXED_IN: Final = (
    ((2, 27, 3), (2, 28, 0)),
    ((2, 28, 5), (2, 29, 0)),
    ((2, 31, 2), (10_000, 0, 0)),
)


def findings(facts: ServerFacts, plan: Plan, settings: Settings) -> list[Finding]:
    """All that the rules say of a server, in a stable order."""
    return [finding for rule in _RULES for finding in rule(facts, plan, settings)]


def version_tuple(text: str) -> tuple[int, int, int]:
    """``2.23.0-dev`` → (2, 23, 0); what is missing counts 0."""
    numbers = [int(number) for number in re.findall(r"\d+", text.split("-")[0])[:3]]
    major, minor, patch = [*numbers, 0, 0, 0][:3]
    return major, minor, patch


def is_known_bad_pair(version_number: int, timescaledb: str) -> bool:
    """Whether scheduled jobs report failure though they work, on this pair of versions.

    :param version_number: PostgreSQL's ``server_version_num``, such as 150020.
    """
    major, minor = divmod(version_number, 10_000)
    if major not in _BAD_SINCE_MINOR or minor < _BAD_SINCE_MINOR[major]:
        return False
    version = version_tuple(timescaledb)
    return not any(first <= version < end for first, end in _FIXED_IN)


def _postgres_version(facts: ServerFacts, _plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if facts.version_number < OLDEST_POSTGRES:
        yield Finding(
            f"PostgreSQL is too old: {facts.version}, 15 or later is needed.",
            next_step="Upgrade the server to PostgreSQL 15 to 18 first",
        )


def _writable(facts: ServerFacts, _plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if facts.in_recovery:
        yield Finding(
            "This server is a standby: it is read-only.",
            next_step="Point DATABASE_URL at the primary",
        )
    elif facts.read_only:
        yield Finding(
            "default_transaction_read_only is on for this role, database or server.",
            next_step=f"ALTER DATABASE {facts.database} SET default_transaction_read_only = off, "
            "or correct it where it is set",
        )


def _timescaledb(facts: ServerFacts, _plan: Plan, _settings: Settings) -> Iterator[Finding]:
    preload = (
        "add timescaledb to shared_preload_libraries in postgresql.conf and restart the server"
    )
    if facts.timescaledb is None:
        if facts.timescaledb_available is None:
            yield Finding(
                "TimescaleDB is not installed on the server.",
                next_step="Install its package for this PostgreSQL (2.18 or later, community "
                f"edition), {preload}, then CREATE EXTENSION timescaledb",
            )
            return
        steps = "CREATE EXTENSION timescaledb in this database"
        yield Finding(
            f"The extension timescaledb is missing in database {facts.database}; the server "
            f"offers {facts.timescaledb_available}.",
            next_step=steps if facts.loader else f"{preload}; then {steps}",
        )
        return
    if version_tuple(facts.timescaledb) < OLDEST_TIMESCALEDB:
        yield Finding(
            f"TimescaleDB is too old: {facts.timescaledb}, 2.18 or later is needed.",
            next_step="Install a later one, then ALTER EXTENSION timescaledb UPDATE as the first "
            "statement of a new session",
        )
    # The embedded server has the library and no loader; the licence is the library's own setting.
    if facts.license is None:
        yield Finding("TimescaleDB is created but its library is not loaded.", next_step=preload)


def _edition(facts: ServerFacts, _plan: Plan, settings: Settings) -> Iterator[Finding]:
    if facts.license == "apache" and settings.edition != "apache":
        yield Finding(
            "TimescaleDB runs as its Apache edition (timescaledb.license = apache).",
            [
                "It has hypertables, but no jobs, no column store, no continuous aggregates, "
                "no retention policies.",
            ],
            "set timescaledb.license = timescale if the community library is installed, or choose "
            "to do without: -x edition=apache. Then bronze and silver stay uncompressed, and "
            "`setu worker` must run the load from outside",
        )
    elif facts.license not in (None, "apache") and settings.edition == "apache":
        yield Finding(
            "edition=apache is chosen, on a server with the community edition: "
            "there will be no jobs and no column store.",
            stops=False,
        )


def _rights(facts: ServerFacts, plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if not facts.may_create_in_database:
        yield Finding(
            f"Role {facts.owner} may not create schemas in database {facts.database}.",
            next_step=f"GRANT CREATE ON DATABASE {facts.database} TO {facts.owner}",
        )
    touches_roles = any(plan.passes(revision) for revision in (ROLES_REVISION, *_OF_ROLES))
    if touches_roles and not facts.superuser:
        if not facts.may_create_roles:
            yield Finding(
                f"Role {facts.role} may not create roles, and phase 2 makes three."
                if plan.upgrades
                else f"Role {facts.role} may not change roles, and the way back takes three away.",
                next_step=f"ALTER ROLE {facts.role} CREATEROLE, for the time of the run",
            )
        out_of_reach = facts.roles_out_of_reach
        # Up to PostgreSQL 15, CREATEROLE can grant any role.
        if facts.version_number < 160_000 and facts.may_create_roles:
            out_of_reach = ()
        if out_of_reach:
            names = ", ".join(out_of_reach)
            yield Finding(
                f"Role {facts.role} may not SET ROLE to roles that exist already: {names}.",
                next_step=f"GRANT {names} TO {facts.role} WITH ADMIN OPTION",
            )
    if facts.foreign_objects:
        what = f"Role {facts.owner} does not own {len(facts.foreign_objects)} of v1's objects."
        advice = (
            f"Run as their owner, or GRANT that role TO {facts.role}"
            if facts.owner == facts.role
            else f"GRANT the role that owns them TO {facts.owner}, who owns the others"
        )
        yield Finding(what, _shown(facts.foreign_objects), advice)


def _roles(facts: ServerFacts, plan: Plan, settings: Settings) -> Iterator[Finding]:
    """Roles that are there already are used as they are, where that works."""
    if not plan.applies(ROLES_REVISION):
        return
    jobs = plan.applies(JOBS_REVISION) and settings.edition != "apache"
    for role in facts.roles_without_login:
        stops = role == "setu_etl" and jobs
        yield Finding(
            f"Role {role} exists already and may not log in"
            + ("; it shall own the load jobs, which only a role with LOGIN can." if stops else "."),
            next_step=f"ALTER ROLE {role} LOGIN",
            stops=stops,
        )
    if jobs and not facts.owner_may_log_in:
        yield Finding(
            f"Role {facts.owner} owns v1's objects and may not log in; policies and the retention "
            "job run as the owner, which only a role with LOGIN can.",
            next_step=f"ALTER ROLE {facts.owner} LOGIN; it needs no password",
        )
    if not facts.public_may_connect and not facts.may_grant_connect:
        yield Finding(
            f"Not everybody may connect to database {facts.database}, and {facts.role} may not "
            "let SETU's roles in.",
            next_step=f"GRANT CONNECT ON DATABASE {facts.database} TO {facts.role} WITH GRANT "
            f"OPTION, or connect as {facts.database_owner}, who owns the database",
        )
    if facts.default_grants:
        yield Finding(
            f"Default privileges of {facts.owner} would grant v2's objects to others, and "
            "functions that register master data run as their owner.",
            _shown(facts.default_grants),
            "Run each for the time of the run, then grant again what should hold from then on",
        )
    may_use = facts.public_may_use_extension or facts.may_grant_extension
    if facts.timescaledb is not None and not may_use:
        yield Finding(
            f"Not everybody may use schema {facts.extension_schema}, which has the functions of "
            f"timescaledb, and {facts.role} may not let setu_etl use it.",
            next_step=f"GRANT USAGE ON SCHEMA {facts.extension_schema} TO {facts.role} WITH GRANT "
            "OPTION",
        )


def _session(facts: ServerFacts, plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if facts.extension_schema not in (None, "public") and (
        plan.leaves_v1 or plan.passes(V1_REVISION) or plan.current == V1_REVISION
    ):
        yield Finding(
            f"The extension timescaledb is in schema {facts.extension_schema}, not in public: v1 "
            "as schema/ has it calls public.time_bucket and others by that name.",
            next_step="CREATE EXTENSION timescaledb SCHEMA public in a new database and restore "
            "into it; an extension with hypertables cannot be moved",
        )
    if facts.mistakable_functions:
        yield Finding(
            "Functions of your own would be called in place of PostgreSQL's own: the schema of "
            "timescaledb is on the search path.",
            _shown(facts.mistakable_functions),
            "ALTER FUNCTION … SET SCHEMA a schema of your own",
        )
    if facts.replication_role != "origin":
        yield Finding(
            f"session_replication_role is {facts.replication_role} for this role or database, and "
            f"{facts.role} may not set it: triggers would not fire.",
            next_step="ALTER ROLE or ALTER DATABASE … RESET session_replication_role",
        )
    if facts.hiding_settings and plan.upgrades:
        yield Finding(
            "Settings of the server, the database or the role hide rows, or changes of rows. "
            "SETU's sessions and loads have settings of their own; policies and reports do not.",
            _shown(facts.hiding_settings),
            "Undo each with RESET in place of SET … = …, then reconnect",
        )
    if facts.event_triggers:
        yield Finding(
            f"{len(facts.event_triggers)} event trigger(s) of your own fire at the steps' DDL.",
            _shown(facts.event_triggers),
            "ALTER EVENT TRIGGER … DISABLE for the time of the run, if one of them refuses DDL",
            stops=False,
        )


def _encoding(facts: ServerFacts, plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if facts.encoding == "UTF8" or not plan.upgrades:
        return
    yield Finding(
        f"Database {facts.database} is encoded in {facts.encoding}, not in UTF8.",
        [
            "SQL_ASCII takes any bytes: readers may fail on what they cannot decode."
            if facts.encoding == "SQL_ASCII"
            else f"A row with a character that {facts.encoding} does not have is refused: setu "
            "feed writes it to its rejects file, a sink's whole batch fails.",
        ],
        "Where senders use other characters: CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8', "
        "and restore a dump of this one into it",
        stops=False,
    )


def _connections(facts: ServerFacts, _plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if facts.one_session or not facts.sees_sessions:
        return
    free = facts.max_connections - facts.reserved_connections - facts.used_connections
    if free < SPARE_CONNECTIONS:
        yield Finding(
            f"Only {max(free, 0)} of {facts.max_connections} connections are free; "
            f"{SPARE_CONNECTIONS} are needed, for jobs and for those who watch.",
            next_step="End idle sessions, or raise max_connections",
        )


def _workers(facts: ServerFacts, plan: Plan, settings: Settings) -> Iterator[Finding]:
    if not plan.applies(JOBS_REVISION) or settings.edition == "apache":
        return
    if facts.license is None:
        return
    if facts.sees_sessions and not facts.scheduler:
        yield Finding(
            "No TimescaleDB scheduler runs here: jobs will be there but nothing starts them.",
            next_step="Call them with run_job, as the embedded server needs it",
            stops=False,
        )
        return
    workers = facts.job_workers or 0
    if workers < 2 or facts.worker_processes < 3:
        yield Finding(
            "The server has no background worker to run a job: timescaledb.max_background_workers "
            f"= {workers}, max_worker_processes = {facts.worker_processes}.",
            next_step="Raise them to 16 and 32, and restart the server",
        )
        return
    # The launcher, a scheduler, and each job at its worst moment.
    needed = facts.jobs + PLANNED_JOBS + 1
    if workers < needed or facts.worker_processes < workers + 1:
        yield Finding(
            f"Background workers are scarce: {facts.jobs + PLANNED_JOBS} jobs, "
            f"timescaledb.max_background_workers = {workers}, "
            f"max_worker_processes = {facts.worker_processes}. Jobs may start late.",
            next_step=f"Set timescaledb.max_background_workers to {needed} or more, and "
            "max_worker_processes above it",
            stops=False,
        )


def _bad_pair(facts: ServerFacts, plan: Plan, settings: Settings) -> Iterator[Finding]:
    if facts.timescaledb is None or settings.edition == "apache":
        return
    if not is_known_bad_pair(facts.version_number, facts.timescaledb):
        return
    accepted = settings.text("accept_known_bad_pair") == "yes"
    if plan.applies(JOBS_REVISION) or accepted:
        yield Finding(
            f"PostgreSQL {facts.version} with TimescaleDB {facts.timescaledb} is a known-bad pair.",
            [
                'A scheduled job does its work, then reports \'cannot drop portal "" while it is '
                "being set up' and counts as failed.",
            ],
            ""
            if accepted
            else "upgrade TimescaleDB to 2.28.5, 2.27.3 on its line, or 2.31.2 or later; or accept "
            "misleading job statistics: -x accept_known_bad_pair=yes",
            stops=not accepted,
        )


def _faults(facts: ServerFacts, plan: Plan, settings: Settings) -> Iterator[Finding]:
    if facts.timescaledb is None or settings.edition == "apache" or facts.license == "apache":
        return
    if not plan.applies(JOBS_REVISION) or version_tuple(facts.timescaledb) < OLDEST_TIMESCALEDB:
        return
    known = list(faults_of(version_tuple(facts.timescaledb)))
    stopping = [str(fault) for fault in known if fault.stops]
    accepted = settings.text("accept_known_bad_pair") == "yes"
    if stopping:
        yield Finding(
            f"TimescaleDB {facts.timescaledb} loses rows that the loads write.",
            stopping,
            "" if accepted else "Update TimescaleDB first",
            stops=not accepted,
        )
    others = [str(fault) for fault in known if not fault.stops]
    if others:
        yield Finding(
            f"TimescaleDB {facts.timescaledb} has faults that later versions have not.",
            others,
            "Update TimescaleDB when you can",
            stops=False,
        )


def _transactions(facts: ServerFacts, _plan: Plan, _settings: Settings) -> Iterator[Finding]:
    if facts.prepared:
        yield Finding(
            f"{len(facts.prepared)} prepared transaction(s) older than an hour hold their locks.",
            _shown(facts.prepared),
            "COMMIT PREPARED or ROLLBACK PREPARED each, as their owner decides",
        )
    if facts.long_transactions:
        yield Finding(
            f"{len(facts.long_transactions)} transaction(s) open for over five minutes may keep "
            "the run from its locks.",
            _shown(facts.long_transactions),
            "wait for them, or SELECT pg_terminate_backend(pid)",
            stops=False,
        )


def adoption(plan: Plan, v1_tables: list[str]) -> list[Finding]:
    """What to say of a database that has v1 tables but no revision yet."""
    if plan.current is not None or not plan.upgrades or not v1_tables:
        return []
    return [
        Finding(
            f"The database has v1's tables, but no revision: it was not made by {V1_REVISION}.",
            _shown(tuple(v1_tables)),
            f"`setu adopt` checks that it is v1 as expected and marks it as {V1_REVISION}",
        )
    ]


def _shown(names: tuple[str, ...]) -> list[str]:
    more = len(names) - SHOWN
    return [*names[:SHOWN], *([f"… and {more} more"] if more > 0 else [])]


_Rule = Callable[[ServerFacts, Plan, Settings], Iterator[Finding]]
_RULES: Final[tuple[_Rule, ...]] = (
    _postgres_version,
    _writable,
    _timescaledb,
    _edition,
    _rights,
    _roles,
    _session,
    _encoding,
    _connections,
    _workers,
    _bad_pair,
    _faults,
    _transactions,
)
