"""A real standby of the server under test, where its programs are on this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg2.extensions import parse_dsn
from sqlalchemy import make_url

from tests.servers.at_hand import Server, free_port, local_programs
from tests.servers.server import session

SECONDS = 90
#: A standby must have no less of these than its primary.
_AS_THE_PRIMARY = """
SELECT s.name, s.setting
FROM pg_settings AS s
WHERE s.name IN (
    'max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions',
    'max_locks_per_transaction', 'shared_preload_libraries', 'timescaledb.telemetry_level'
)"""


def why_none(server: Server) -> str | None:
    """Why there can be no standby of this server; None when there can be."""
    programs = local_programs()
    if programs is None:
        return "no PostgreSQL with TimescaleDB is on this machine"
    host = parse_dsn(server.url).get("host", "")
    if host not in ("127.0.0.1", "localhost", ""):
        return f"the server is on {host}"
    major = server.postgres_version.split(".")[0]
    said = subprocess.run(
        [str(programs / "pg_basebackup"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    if said.split()[-1].split(".")[0] != major and f" {major}." not in said:
        return f"the server is PostgreSQL {major}, and the programs here say {said.strip()}"
    return None


@contextmanager
def standby_of(server: Server) -> Iterator[str]:
    """The address of a hot standby that follows the server; it is gone afterwards."""
    programs = local_programs()
    assert programs is not None
    home = Path(tempfile.mkdtemp(prefix="setu-standby-"))
    data, port = home / "data", free_port()
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [str(programs / program), *words],
            check=True,
            cwd="/",
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
        )

    try:
        run(
            *("pg_basebackup", f"--dbname={server.url}", f"--pgdata={data}", "--no-sync"),
            *("--write-recovery-conf", "--checkpoint=fast", "--wal-method=stream"),
        )
        with session(server.url) as cursor:
            cursor.execute(_AS_THE_PRIMARY)
            settings = {
                **dict(cursor.fetchall()),
                "port": str(port),
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": "",
                "hot_standby": "on",
                "fsync": "off",
            }
        with (data / "postgresql.auto.conf").open("a") as configuration:
            configuration.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        run("pg_ctl", "start", "--wait", f"--pgdata={data}", f"--log={data / 'server.log'}")
        address = make_url(server.url).set(host="127.0.0.1", port=port)
        yield address.render_as_string(hide_password=False)
    finally:
        try:
            if (data / "postmaster.pid").exists():
                run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={data}")
        finally:
            shutil.rmtree(home, ignore_errors=True)


def caught_up(server: Server, standby: str) -> bool:
    """Whether a standby has replayed all that the server has written up to now."""
    with session(server.url) as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
        written = cursor.fetchone()[0]
    address = make_url(standby).set(database=make_url(server.url).database)
    with session(address.render_as_string(hide_password=False)) as cursor:
        cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (written,))
        return bool(cursor.fetchone()[0])
