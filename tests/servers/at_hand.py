"""Servers to test against: which are at hand, and the best of them.

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
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg2
from sqlalchemy import make_url

from tests.servers import debian13
from tests.servers.embedded import Embedded
from tests.servers.native import Native
from tests.servers.server import (
    CAPABILITIES,
    Server,
    ServerMissingError,
    ServerUnfitError,
    session,
)

__all__ = [
    "CAPABILITIES",
    "KINDS",
    "KIND_VARIABLE",
    "POSTGRES_SETTINGS",
    "URL_VARIABLE",
    "Embedded",
    "Native",
    "Server",
    "ServerMissingError",
    "ServerUnfitError",
    "free_port",
    "local_programs",
    "open_server",
]

KIND_VARIABLE = "SETU_TEST_SERVER"
URL_VARIABLE = "SETU_TEST_DATABASE_URL"
KINDS = ("url", "local", "docker", "debian13", "embedded")

DOCKER_IMAGE = "timescale/timescaledb:2.23.0-pg17"
DOCKER_SECONDS = 120.0
LOCAL_SECONDS = 60.0
DOCKER_CHECK_SECONDS = 3

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
        with session(address):
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
    url = f"postgresql://postgres@127.0.0.1:{executor.port}/postgres"
    _wait_for(url, LOCAL_SECONDS)
    return Native(f"local ({programs.parent})", url, stop)


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
            with session(url):
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
