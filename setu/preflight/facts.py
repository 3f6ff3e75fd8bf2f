"""What the rules need to know of the server, gathered at one go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any

from sqlalchemy import Connection

from setu.catalog.snapshot import array_literal
from setu.db.session_settings import stable_settings


@dataclass(frozen=True)
class ServerFacts:
    """A server, a database on it, and the role that we are there.

    The defaults describe a server that no rule objects to.
    """

    version_number: int = 170_011
    version: str = "17.11"
    database: str = "setu"
    #: Of the database: what a text can hold.
    encoding: str = "UTF8"
    role: str = "postgres"
    superuser: bool = True
    may_create_roles: bool = True
    may_create_in_database: bool = True
    in_recovery: bool = False
    read_only: bool = False
    #: Version of the extension in this database; None where it is not created.
    timescaledb: str | None = "2.29.2"
    #: Version that CREATE EXTENSION would give; None where it is not installed on the machine.
    timescaledb_available: str | None = "2.29.2"
    #: Whether shared_preload_libraries has loaded it.
    loader: bool = True
    #: ``timescale`` (community edition) or ``apache``; None where the extension is not at work.
    license: str | None = "timescale"
    max_connections: int = 100
    reserved_connections: int = 3
    used_connections: int = 1
    #: Whether the role sees other sessions; else the next four mean nothing.
    sees_sessions: bool = True
    scheduler: bool = True
    one_session: bool = False
    job_workers: int | None = 16
    worker_processes: int = 32
    #: Scheduled jobs that the database has already.
    jobs: int = 0
    prepared: tuple[str, ...] = ()
    long_transactions: tuple[str, ...] = ()
    #: v1's objects that belong to a role we are not.
    foreign_objects: tuple[str, ...] = ()
    #: SETU's roles that exist already and that we are no member of.
    roles_out_of_reach: tuple[str, ...] = ()
    #: As whom the steps run: the owner of v1's objects, where the deployer may become it.
    owner: str = "postgres"
    owner_may_log_in: bool = True
    #: Whether everybody may connect to the database; else the roles need a grant each.
    public_may_connect: bool = True
    may_grant_connect: bool = True
    #: Whether everybody may use the schema of the extension; else setu_etl needs a grant.
    public_may_use_extension: bool = True
    may_grant_extension: bool = True
    database_owner: str = "postgres"
    #: SETU's roles that exist already and may not log in.
    roles_without_login: tuple[str, ...] = ()
    #: Enabled event triggers of somebody else's.
    event_triggers: tuple[str, ...] = ()
    replication_role: str = "origin"
    #: Settings of the server, the database or the role under which rows are there and not seen.
    hiding_settings: tuple[str, ...] = ()
    extension_schema: str | None = "public"
    #: Statements that take back what the owner's new objects would be granted by default.
    default_grants: tuple[str, ...] = ()
    #: Functions beside the extension's that would be called in place of PostgreSQL's own.
    mistakable_functions: tuple[str, ...] = ()


def server_facts(connection: Connection, v1_schemas: Iterable[str]) -> ServerFacts:
    """The facts of the connected server.

    :param v1_schemas: where v1's objects are, to see whether they belong to our role.
    """
    query = (files("setu.preflight") / "facts.sql").read_text(encoding="utf-8")
    # The deployer may see other sessions where the owner may not.
    deployer = connection.exec_driver_sql(
        "SELECT coalesce(nullif(current_setting('setu.deployer', true), ''), current_user)"
    ).scalar_one()
    settings = {"setu_catalog.schemas": array_literal(v1_schemas), "role": deployer}
    with stable_settings(connection, settings):
        found: dict[str, Any] = connection.exec_driver_sql(
            query, execution_options={"no_parameters": True}
        ).scalar_one()
        found["jobs"] = 0
        if found["timescaledb"] and found["license"]:
            found["jobs"] = connection.exec_driver_sql(
                "SELECT count(*) FROM timescaledb_information.jobs WHERE scheduled"
            ).scalar_one()
    known = {field.name for field in fields(ServerFacts)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found.items()
        if name in known
    }
    return ServerFacts(**values)
