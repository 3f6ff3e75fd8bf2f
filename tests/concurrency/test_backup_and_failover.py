"""The runbooks of docs/runbooks.md: a restore from a backup, and a failover to a replica."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import make_url

from setu.catalog import Difference
from setu.catalog.fingerprint import RowFingerprint
from setu.cli.commands.drift import drift_of_database
from tests.chain import Chain
from tests.concurrency.cycles import make_fleet
from tests.concurrency.own_server import OwnServer
from tests.concurrency.test_crash import _fresh_chain
from tests.servers.at_hand import free_port

pytestmark = pytest.mark.requires("native", "multi_session")

CYCLES = (
    "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end)"
    " SELECT 'D1', {machine}, t, t + INTERVAL '30 seconds'"
    " FROM generate_series(now() - INTERVAL '{since}', now() - INTERVAL '{until}',"
    " INTERVAL '1 minute') AS t"
)
LOAD = ("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")
WAIT_SECONDS = 30.0


@pytest.fixture
def chain(own_server: OwnServer) -> Chain:
    """v2 with cycles that are loaded, some in the column store, and some that wait."""
    chain = _fresh_chain(own_server)
    machine = make_fleet(chain)[0]
    chain.run(CYCLES.format(machine=machine, since="30 days", until="29 days"), *LOAD)
    if chain.community:
        chain.run("SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles') AS c")
    chain.run(CYCLES.format(machine=machine, since="2 hours", until="1 hour"), *LOAD)
    chain.run(CYCLES.format(machine=machine, since="1 hour", until="1 minute"))
    return chain


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def sent_rows(chain: Chain) -> dict[str, RowFingerprint]:
    """All rows but those of the calendar, which a job writes ahead."""
    found = chain.rows()
    return {t: f for t, f in found.items() if not t.startswith("master.shift_calendar")}


def drift(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Sequence[Difference]:
    """What differs from the revision; the fleet's jobs do, which are switched off."""
    monkeypatch.setenv("DATABASE_URL", chain.url)
    return drift_of_database(chain.settings).differences


def test_a_restored_backup_is_whole_and_goes_on(
    own_server: OwnServer, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, before = sent_rows(chain), drift(chain, monkeypatch)
    backup = own_server.seen(own_server.home / "backup.dump")
    own_server.run("pg_dump", "-Fc", "-f", str(backup), "-d", chain.url)
    roles = own_server.run("pg_dumpall", "--roles-only", "-d", own_server.url)
    assert "setu_etl" in roles

    Chain(own_server.url, ()).run("DROP DATABASE setu", "CREATE DATABASE setu")
    chain.run("CREATE EXTENSION timescaledb", "SELECT timescaledb_pre_restore()")
    own_server.run("pg_restore", "-d", chain.url, str(backup))
    chain.run("SELECT timescaledb_post_restore()")
    # What the roles are set to in the database, which only --create gives.
    script = own_server.run("pg_restore", "--create", "--schema-only", "-f", "-", str(backup))
    settings = [
        line for line in script.splitlines() if re.match(r"ALTER ROLE .* IN DATABASE", line)
    ]
    lost = {d.key for d in drift(chain, monkeypatch)} - {d.key for d in before}
    assert {key.kind for key in lost} == {"role setting"}
    chain.run(*settings)

    assert drift(chain, monkeypatch) == before
    assert chain.broken() == []
    assert sent_rows(chain) == rows
    goes_on(chain)
    chain.downgrade("0205")
    chain.upgrade()
    assert chain.broken() == []


def test_a_replica_that_is_promoted_is_whole_and_goes_on(
    own_server: OwnServer, chain: Chain
) -> None:
    home = own_server.seen(own_server.home / "replica")
    primary = make_url(own_server.url).set(database=None).render_as_string(hide_password=False)
    own_server.run("pg_basebackup", "-D", str(home), "-R", "-c", "fast", "-d", primary)
    port = free_port()
    own_server.run(
        "pg_ctl", "start", "--wait", f"--pgdata={home}", f"--log={home / 'server.log'}",
        "-o", f"-p {port}",
    )  # fmt: skip
    try:
        replica = Chain(
            make_url(chain.url).set(port=port).render_as_string(hide_password=False),
            ("community",) if chain.community else (),
        )
        chain.run(*LOAD)
        rows, catalog = sent_rows(chain), chain.catalog()
        sent = chain.value("SELECT pg_current_wal_lsn()::text")
        wait_until(lambda: bool(replica.value(f"SELECT pg_last_wal_replay_lsn() >= '{sent}'")))
        own_server.kill()
        replica.run("SELECT pg_promote()")
        assert replica.catalog() == catalog
        assert replica.broken() == []
        assert sent_rows(replica) == rows
        goes_on(replica)
    finally:
        own_server.run("pg_ctl", "stop", f"--pgdata={home}", "--mode=immediate")


def goes_on(chain: Chain) -> None:
    """New rows get ids above the watermark, and are loaded as those that waited are."""
    before = chain.value("SELECT count(*) FROM silver.machine_cycles")
    mark = chain.value(
        "SELECT last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'"
    )
    [(first,)] = chain.query(
        "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start)"
        " SELECT 'D1', min(s.machine_iot_id), now() FROM silver.machine_cycles AS s RETURNING id"
    )
    assert first > mark
    waiting = chain.value(f"SELECT count(*) FROM bronze.raw_machine_cycles WHERE id > {mark}")
    chain.run(*LOAD)
    assert chain.value("SELECT count(*) FROM silver.machine_cycles") == before + waiting
