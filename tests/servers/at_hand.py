"""Servers to test against: which are at hand, what each can do, and fresh databases on them.

The order, unless ``SETU_TEST_SERVER`` names one: the address in ``SETU_TEST_DATABASE_URL``, a local
PostgreSQL that has the extension, Docker, the embedded server.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import make_url

from setu.errors import SetuError
from setu.servers.embedded import EmbeddedServer
from tests.servers import debian13

KIND_VARIABLE = "SETU_TEST_SERVER"
URL_VARIABLE = "SETU_TEST_DATABASE_URL"
KINDS = ("url", "local", "docker", "debian13", "embedded")
CAPABILITIES = ("community", "multi_session", "scheduler", "native")
ROLES = ("setu_ingest", "setu_etl", "setu_reader")

DOCKER_IMAGE = "timescale/timescaledb:2.23.0-pg17"
DOCKER_SECONDS = 120.0
DOCKER_CHECK_SECONDS = 3
CONNECT_SECONDS = 10
SCHEDULER_SECONDS = 10.0

# For tests: nothing that is written needs to outlive a crash of the machine.
POSTGRES_SETTINGS: Mapping[str, str] = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "max_prepared_transactions": "10",
    "max_connections": "100",
    "max_worker_processes": "40",
    "timescaledb.max_background_workers": "24",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "max_wal_size": "4GB",
}


class ServerMissingError(SetuError):
    """The server that was asked for cannot be had."""


class ServerUnfitError(SetuError):
    """A server answers, but cannot serve tests: no extension, not enough rights."""


class Server(ABC):
    """A running server.

    :ivar name: what kind it is, for people.
    :ivar url: the address for its administrator.
    :ivar capabilities: what it can do; a subset of ``CAPABILITIES``.
    :ivar postgres_version: such as ``17.5``.
    :ivar timescaledb_version: such as ``2.23.0``.
    """

    name: str
    url: str
    capabilities: frozenset[str] = frozenset()
    postgres_version: str = ""
    timescaledb_version: str = ""
    left_open: int = 0

    @property
    def description(self) -> str:
        """One line for a person: name, versions, capabilities."""
        able = ", ".join(c for c in CAPABILITIES if c in self.capabilities) or "none"
        return (
            f"{self.name}: PostgreSQL {self.postgres_version}, "
            f"TimescaleDB {self.timescaledb_version}, capabilities: {able}"
        )

    @abstractmethod
    def create_database(self) -> str:
        """Make an empty database with the extension; returns its address."""

    @abstractmethod
    def drop_database(self, url: str) -> None:
        """Drop it, and SETU's roles. ``left_open`` then says how many connections it still had."""

    @abstractmethod
    def close(self) -> None:
        """Stop the server, if it was started for this."""


@contextlib.contextmanager
def _session(url: str) -> Iterator[Any]:
    """A cursor in autocommit; the connection is closed afterwards."""
    connection = psycopg2.connect(url, connect_timeout=CONNECT_SECONDS)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _value(cursor: Any, query: str) -> Any:
    cursor.execute(query)
    return cursor.fetchone()[0]


_VERSION = "SELECT split_part(pg_catalog.current_setting('server_version'), ' ', 1)"
_EXTENSION = "SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'timescaledb'"
_LICENSE = "SELECT pg_catalog.current_setting('timescaledb.license')"


class Embedded(Server):
    """The embedded server; a fresh database is a fresh instance of it."""

    name = "embedded"

    def __init__(self, *, queue_seconds: float = 30.0) -> None:
        self._process = EmbeddedServer(queue_seconds=queue_seconds)
        self.url = self._process.url
        self._fresh = True
        with _session(self.url) as cursor:
            self.postgres_version = _value(cursor, _VERSION)
            self.timescaledb_version = _value(cursor, _EXTENSION)
            if _value(cursor, _LICENSE) == "timescale":
                self.capabilities = frozenset({"community"})

    def create_database(self) -> str:
        if not self._process.is_running:
            self._process = EmbeddedServer(port=self._process.port)
        elif not self._fresh:
            self._process.reset()
        self._fresh = False
        return self.url

    def drop_database(self, url: str) -> None:
        if url != self.url:
            raise ValueError("that database was not made by this server")
        self.left_open = self._process.reset().sent_away if self._process.is_running else 0
        self._fresh = self._process.is_running

    def close(self) -> None:
        self._process.close()


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
            with _session(self.url) as cursor:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
            with _session(self._address(self._template)) as cursor:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
                cursor.execute("SELECT _timescaledb_functions.stop_background_workers()")
                self.postgres_version = _value(cursor, _VERSION)
                self.timescaledb_version = _value(cursor, _EXTENSION)
                self._license = _value(cursor, _LICENSE)
            with _session(self.url) as cursor:
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
        url = self.create_database()
        try:
            with _session(url) as cursor:
                cursor.execute("CREATE TABLE public.ran (at timestamptz)")
                cursor.execute(
                    "CREATE PROCEDURE public.probe(job_id integer, config jsonb) LANGUAGE sql "
                    "AS 'INSERT INTO public.ran VALUES (clock_timestamp())'"
                )
                cursor.execute("SELECT public.add_job('public.probe', INTERVAL '1 hour')")
                deadline = time.monotonic() + SCHEDULER_SECONDS
                while time.monotonic() < deadline:
                    if _value(cursor, "SELECT count(*) FROM public.ran"):
                        return True
                    time.sleep(0.05)
            return False
        finally:
            self.drop_database(url)

    def create_database(self) -> str:
        self._made += 1
        name = f"{self._prefix}_{self._made}"
        with _session(self.url) as cursor:
            cursor.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(self._template)
                )
            )
        url = self._address(name)
        if self._license == "timescale":
            # Else the launcher finds the new database only when it looks, once a minute.
            with _session(url) as cursor:
                cursor.execute("SELECT _timescaledb_functions.restart_background_workers()")
        return url

    def drop_database(self, url: str) -> None:
        name = make_url(url).database or ""
        if not name.startswith(self._prefix):
            raise ValueError(f"{name!r} was not made by this server")
        with _session(self.url) as cursor:
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
            with _session(url) as cursor:
                for gid in prepared:
                    cursor.execute("ROLLBACK PREPARED %s", (gid,))
        with _session(self.url) as cursor:
            cursor.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
            for role in ROLES:
                # Another database of the cluster may need the role; then it stays.
                with contextlib.suppress(psycopg2.errors.DependentObjectsStillExist):
                    cursor.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))

    def close(self) -> None:
        try:
            with contextlib.suppress(psycopg2.Error), _session(self.url) as cursor:
                cursor.execute(
                    "SELECT datname FROM pg_catalog.pg_database "
                    "WHERE pg_catalog.starts_with(datname, %s)",
                    (f"{self._prefix}_",),
                )
                for (name,) in cursor.fetchall():
                    query = "DROP DATABASE IF EXISTS {} WITH (FORCE)"
                    cursor.execute(sql.SQL(query).format(sql.Identifier(name)))
        finally:
            self._stop()


# ------------------------------------------------------------------------------------- the choice


def open_server(environment: Mapping[str, str] | None = None) -> Server:
    """The best server at hand, started if need be.

    Raises :class:`ServerMissingError` when ``SETU_TEST_SERVER`` names one that cannot be had, or
    ``SETU_TEST_DATABASE_URL`` one that does not answer: what was asked for is never replaced.
    """
    env = os.environ if environment is None else environment
    kind = env.get(KIND_VARIABLE, "").strip()
    if kind:
        if kind not in KINDS:
            raise ServerMissingError(
                f"{KIND_VARIABLE}={kind} is not a kind of server",
                hint=f"use one of {', '.join(KINDS)}.",
            )
        return _OPENERS[kind](env)
    if env.get(URL_VARIABLE):
        return _open_url(env)
    for candidate in ("local", "docker"):
        with contextlib.suppress(ServerMissingError):
            return _OPENERS[candidate](env)
    return _open_embedded(env)


def _open_url(env: Mapping[str, str]) -> Server:
    url = env.get(URL_VARIABLE, "").strip()
    if not url:
        raise ServerMissingError(
            f"{URL_VARIABLE} is not set", hint="set it to a superuser's address of the server."
        )
    try:
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with _session(address):
            pass
    except Exception as error:
        raise ServerMissingError(
            f"the server in {URL_VARIABLE} does not answer",
            context=(str(error).strip(),),
            hint=f"correct {URL_VARIABLE}, or unset it to use the best server at hand.",
        ) from error
    return Native("url", address)


def local_programs() -> Path | None:
    """The ``bin`` folder of the newest PostgreSQL on this machine that has the extension."""
    found: list[tuple[int, Path]] = []
    for programs in Path("/usr/lib/postgresql").glob("*/bin"):
        version = programs.parent.name
        control = Path("/usr/share/postgresql") / version / "extension" / "timescaledb.control"
        if version.isdigit() and control.exists() and (programs / "pg_ctl").exists():
            found.append((int(version), programs))
    for programs in map(Path, ("/usr/local/pgsql/bin", "/usr/pgsql/bin", "/opt/homebrew/bin")):
        for share in ("share", "share/postgresql", "share/extension"):
            control = programs.parent / share / "extension" / "timescaledb.control"
            if control.exists() and (programs / "pg_ctl").exists():
                found.append((0, programs))
    return max(found)[1] if found else None


def free_port() -> int:
    """A port of 127.0.0.1 that no one listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _open_local(env: Mapping[str, str]) -> Server:
    programs = local_programs()
    if programs is None:
        raise ServerMissingError(
            "no PostgreSQL on this machine has TimescaleDB",
            context=("looked for timescaledb.control beside each PostgreSQL",),
            hint=f"install TimescaleDB for it, or use {KIND_VARIABLE}=embedded.",
        )
    from mirakuru.exceptions import ExecutorError
    from pytest_postgresql.executors import PostgreSQLExecutor

    folder = Path(tempfile.mkdtemp(prefix="setu-local-"))
    pg_ctl = str(programs / "pg_ctl")
    if os.geteuid() == 0:
        pg_ctl = _as_postgres(pg_ctl, folder)
    executor = PostgreSQLExecutor(
        executable=pg_ctl,
        host="127.0.0.1",
        port=free_port(),
        datadir=str(folder / "data"),
        unixsocketdir=str(folder),
        logfile=str(folder / "log"),
        startparams="-w",
        dbname="postgres",
        postgres_options=" ".join(f"-c {k}={v}" for k, v in POSTGRES_SETTINGS.items()),
    )

    def stop() -> None:
        try:
            executor.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    try:
        executor.start()
    except (ExecutorError, OSError) as error:
        log = folder / "log"
        lines = log.read_text(errors="replace").splitlines()[-10:] if log.exists() else []
        stop()
        raise ServerUnfitError(
            f"the PostgreSQL in {programs} does not start", context=(str(error), *lines)
        ) from error
    return Native(
        f"local ({programs.parent})",
        f"postgresql://postgres@127.0.0.1:{executor.port}/postgres",
        stop,
    )


# PostgreSQL refuses to run as root. The package's own user runs it then.
def _as_postgres(pg_ctl: str, folder: Path) -> str:
    try:
        user = pwd.getpwnam("postgres")
    except KeyError as error:
        raise ServerMissingError(
            "PostgreSQL does not run as root, and there is no user postgres",
            hint="run the tests as another user.",
        ) from error
    os.chown(folder, user.pw_uid, user.pw_gid)
    wrapper = folder / "pg_ctl"
    wrapper.write_text(f'#!/bin/sh\ncd /\nexec runuser -u postgres -- {pg_ctl} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def _open_docker(env: Mapping[str, str]) -> Server:
    if shutil.which("docker") is None and not env.get("DOCKER_HOST"):
        raise ServerMissingError("there is no Docker on this machine")
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=DOCKER_CHECK_SECONDS)
        client.ping()
        client.close()
    except DockerException as error:
        raise ServerMissingError(
            "no Docker daemon answers",
            context=(str(error),),
            hint=f"start it, or use {KIND_VARIABLE}=embedded.",
        ) from error
    from testcontainers.core.container import DockerContainer

    password = os.urandom(12).hex()
    settings = [word for k, v in POSTGRES_SETTINGS.items() for word in ("-c", f"{k}={v}")]
    container = (
        DockerContainer(DOCKER_IMAGE)
        .with_env("POSTGRES_PASSWORD", password)
        .with_exposed_ports(5432)
        .with_command(["postgres", *settings])
    )
    try:
        container.start()
        host, port = container.get_container_host_ip(), container.get_exposed_port(5432)
        url = f"postgresql://postgres:{password}@{host}:{port}/postgres"
        _wait_for(url, DOCKER_SECONDS)
    except Exception as error:
        with contextlib.suppress(Exception):
            container.stop()
        raise ServerMissingError(
            f"the image {DOCKER_IMAGE} cannot be started", context=(str(error),)
        ) from error
    return Native(f"docker ({DOCKER_IMAGE})", url, container.stop)


def _wait_for(url: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with _session(url):
                return
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _open_debian13(env: Mapping[str, str]) -> Server:
    try:
        tree = debian13.make()
        cluster = debian13.start(tree, settings=POSTGRES_SETTINGS)
    except debian13.Debian13Error as error:
        raise ServerMissingError(
            "the Debian 13 tree cannot be had", context=(error.message,), hint=error.hint
        ) from error
    return Native("debian13 (tree)", cluster.url, cluster.stop)


def _open_embedded(env: Mapping[str, str]) -> Server:
    return Embedded()


_OPENERS: Mapping[str, Callable[[Mapping[str, str]], Server]] = {
    "url": _open_url,
    "local": _open_local,
    "docker": _open_docker,
    "debian13": _open_debian13,
    "embedded": _open_embedded,
}
