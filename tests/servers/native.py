"""A PostgreSQL server under test."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

import psycopg2
from psycopg2 import sql
from sqlalchemy import make_url
from sqlalchemy_utils import create_database

from tests.servers.server import (
    EXTENSION,
    LICENSE,
    ROLES,
    VERSION,
    Server,
    ServerUnfitError,
    session,
    value,
)

#: The first job of a server that has just been started can take its time.
SCHEDULER_SECONDS = 60.0


class Native(Server):
    """A PostgreSQL server of many sessions and databases.

    :param url: its administrator's address, a superuser's.
    :param stop: called by ``close``.
    """

    def __init__(self, name: str, url: str, stop: Callable[[], None] = lambda: None) -> None:
        self.name = name
        self.url = url
        self._stop = stop
        self._prefix = f"setu_test_{os.getpid()}_{int(time.time()) % 100_000}"
        self._template = f"{self._prefix}_template"
        self._made = 0
        try:
            self._make_template()
            self._detect()
        except BaseException:
            self.close()
            raise

    def _address(self, database: str) -> str:
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    # Copied for each test: a tenth of the time that CREATE EXTENSION takes. No one may be connected
    # to a template, the extension's workers included, so no one is allowed to.
    def _make_template(self) -> None:
        name = sql.Identifier(self._template)
        try:
            # Nobody can be connected to template0, which copying needs.
            self._create(self._template, "template0")
            with session(self._address(self._template)) as cursor:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
                cursor.execute("SELECT _timescaledb_functions.stop_background_workers()")
                self.postgres_version = value(cursor, VERSION)
                self.timescaledb_version = value(cursor, EXTENSION)
                self._license = value(cursor, LICENSE)
            with session(self.url) as cursor:
                query = "ALTER DATABASE {} WITH ALLOW_CONNECTIONS false"
                cursor.execute(sql.SQL(query).format(name))
        except psycopg2.Error as error:
            raise ServerUnfitError(
                f"the server {self.name!r} cannot serve tests",
                context=(str(error).strip(),),
                hint="it must let a superuser in, and have TimescaleDB in "
                "shared_preload_libraries.",
            ) from error

    def _detect(self) -> None:
        able = {"native", "multi_session"}
        if self._license == "timescale":
            able.add("community")
            if self._runs_jobs():
                able.add("scheduler")
        self.capabilities = frozenset(able)

    # Whether a scheduled job really runs: the extension can be there and its launcher not.
    def _runs_jobs(self) -> bool:
        url = self.create_database(scheduler=True)
        try:
            with session(url) as cursor:
                cursor.execute("CREATE TABLE public.ran (at timestamptz)")
                cursor.execute(
                    "CREATE PROCEDURE public.probe(job_id integer, config jsonb) LANGUAGE sql "
                    "AS 'INSERT INTO public.ran VALUES (clock_timestamp())'"
                )
                cursor.execute("SELECT public.add_job('public.probe', INTERVAL '1 hour')")
                deadline = time.monotonic() + SCHEDULER_SECONDS
                while time.monotonic() < deadline:
                    if value(cursor, "SELECT count(*) FROM public.ran"):
                        return True
                    time.sleep(0.05)
            return False
        finally:
            self.drop_database(url)

    def copy_database(self, url: str) -> str:
        """A copy of a database that nobody is connected to; ``drop_database`` drops it.

        What roles are set to in the database is not copied: PostgreSQL keeps that elsewhere.
        """
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        self._create(name, make_url(url).database or "")
        copy = self._address(name)
        if self._license == "timescale":
            with session(copy) as cursor:
                cursor.execute("SELECT _timescaledb_functions.stop_background_workers()")
        return copy

    def create_database(self, *, scheduler: bool = False) -> str:
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        url = self._address(name)
        self._create(name, self._template)
        if self._license == "timescale":
            # Else the launcher finds the new database when it looks, once a minute.
            order = "restart" if scheduler else "stop"
            with session(url) as cursor:
                cursor.execute(f"SELECT _timescaledb_functions.{order}_background_workers()")
        return url

    def drop_database(self, url: str) -> None:
        name = make_url(url).database or ""
        if not name.startswith(self._prefix):
            raise ValueError(f"{name!r} was not made by this server")
        with session(self.url) as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_catalog.pg_stat_activity "
                "WHERE datname = %s AND backend_type = 'client backend'",
                (name,),
            )
            self.left_open = cursor.fetchone()[0]
            cursor.execute(
                "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = %s", (name,)
            )
            prepared = [row[0] for row in cursor.fetchall()]
        if prepared:
            # They outlive their session, and not even FORCE drops a database that has one.
            with session(url) as cursor:
                for gid in prepared:
                    cursor.execute("ROLLBACK PREPARED %s", (gid,))
        self._drop(name)
        with session(self.url) as cursor:
            for role in ROLES:
                # Another database of the cluster may need the role; then it stays.
                with contextlib.suppress(psycopg2.errors.DependentObjectsStillExist):
                    cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    def _create(self, name: str, template: str) -> None:
        url = make_url(self.url).set(drivername="postgresql+psycopg2", database=name)
        create_database(url, template=template)

    # sqlalchemy-utils' drop_database does not part a database from those who are connected.
    def _drop(self, name: str) -> None:
        with session(self.url) as cursor:
            query = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
            cursor.execute(sql.SQL(query).format(sql.Identifier(name)))

    def close(self) -> None:
        try:
            with contextlib.suppress(psycopg2.Error), session(self.url) as cursor:
                cursor.execute(
                    "SELECT datname FROM pg_catalog.pg_database "
                    "WHERE pg_catalog.starts_with(datname, %s)",
                    (f"{self._prefix}_",),
                )
                left = [name for (name,) in cursor.fetchall()]
            for name in left:
                self._drop(name)
        finally:
            self._stop()
