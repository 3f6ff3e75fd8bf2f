"""What v1 is at the swap is what v2 gets: rows that v1 changes and deletes while v2 is filled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg2
import pytest

from setu.errors import StatementError
from setu.simulate.fleet import V1_TABLES
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on, step_of
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=1, plants=1, machines=2, days=2, cycles_per_machine_day=2)
#: Yesterday, after the fleet's last row: an event that lies ahead stays behind in the archive.
START = LAST_MIDNIGHT - timedelta(hours=16)
BEFORE_SWAP = ("0103", "0104", "0106")
TIME = {"machine_cycles": "cycle_start", "machine_downtime": "down_start", "history": "time"}
# Of a table: a column that v1 corrects, its first and second value in v1, and the second in v2.
CORRECTED: dict[str, tuple[str, str, str, str, object]] = {
    "machine_cycles": ("program_no", "'wrong'", "'right'", "program_no", "right"),
    "machine_downtime": ("down_threshold", "1", "2", "down_threshold", 2),
    "machine_status": ("status", "'wrong'", "'right'", "status", "right"),
    "machine_alarms": ("alarm_no", "'1'", "'2'", "alarm_no", "2"),
    "machine_energy": ("total_energy", "1.0", "2.5", "total_energy::text", "2.500"),
    "machine_focas": ("part_count", "1", "2.5", "part_count", 3),
    "machine_tool_usage": ("tool_no", "'T1'", "'T2'", "tool_no", "T2"),
    "machine_pm_status": ("status", "'wrong'", "'right'", "status", "right"),
    "customer_feedback": ("user_id", "'u-1'", "'u-2'", "user_id", "u-2"),
    "history": ("message", "'wrong'", "'right'", "message", "right"),
}
SCHEMA = {"history": "alerting"}


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
        yield chain


def name(table: str) -> str:
    return f"{SCHEMA.get(table, 'silver')}.{table}"


def insert(table: str, at: datetime, machine: str = "CNC-00001") -> str:
    column, wrong, *_ = CORRECTED[table]
    return (
        f"INSERT INTO {name(table)} ({TIME.get(table, 'time')}, company_id, machine_id, {column})"
        f" VALUES ('{at}', 'COMP-01', '{machine}', {wrong})"
    )


def where(table: str, at: datetime) -> str:
    return f"WHERE {TIME.get(table, 'time')} = '{at}' AND machine_id = 'CNC-00001'"


def in_v2(chain: Chain, table: str) -> list[Row]:
    time = TIME.get(table, "event_time")
    return chain.query(
        f"SELECT {time}, {CORRECTED[table][3]} FROM {name(table)} WHERE {time} >= '{START}'"
        f" AND {time} < '{START + timedelta(days=1)}' ORDER BY 1"
    )


@pytest.mark.parametrize("revision", BEFORE_SWAP)
def test_what_v1_corrects_and_deletes_before_the_swap_is_so_in_v2(
    chain: Chain, revision: str
) -> None:
    kept, corrected, deleted = (START + timedelta(hours=n) for n in range(3))
    chain.run(*(insert(t, at) for t in CORRECTED for at in (kept, corrected, deleted)))
    chain.upgrade(revision)
    for table, (column, _, right, *_) in CORRECTED.items():
        chain.run(
            f"UPDATE {name(table)} SET {column} = {right} {where(table, corrected)}",
            f"DELETE FROM {name(table)} {where(table, deleted)}",
        )
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade()
    for table, (*_, right_in_v2) in CORRECTED.items():
        found = in_v2(chain, table)
        assert [at for at, _ in found] == [kept, corrected], table
        assert found[1][1] == right_in_v2, table
        assert found[0][1] != right_in_v2, table
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.rows(*V1_TABLES) == v1


def insert_minutes(table: str, machine: str, rows: int = 20) -> str:
    """A row a minute from ``START`` on."""
    column, wrong, *_ = CORRECTED[table]
    return (
        f"INSERT INTO {name(table)} ({TIME.get(table, 'time')}, company_id, machine_id, {column})"
        f" SELECT '{START}'::timestamptz + n * interval '1 minute', 'COMP-01', '{machine}', {wrong}"
        f" FROM generate_series(0, {rows - 1}) AS n"
    )


MACHINES = ("CNC-00001", "CNC-00002")
NOTED_CHUNKS = (
    "SELECT n.machine_from, n.machine_to, CASE WHEN isfinite(n.time_from) THEN n.time_from END,"
    " CASE WHEN isfinite(n.time_to) THEN n.time_to END, n.chunk IS NOT NULL"
    " FROM _stage.noted_chunks AS n WHERE n.table_name = %s"
)


# How many rows of a statement are noted one by one, and of how many it is noted where they are.
@pytest.mark.parametrize(("singly", "placed"), [(100, 2_000), (30, 2_000), (29, 30), (29, 29)])
def test_a_statement_notes_its_rows_or_where_they_are(
    chain: Chain, singly: int, placed: int
) -> None:
    chain.run(*(insert_minutes(t, m) for t in CORRECTED for m in MACHINES))
    chain.upgrade("0106")
    for time in ("time", "cycle_start", "down_start"):
        text = chain.value(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p"
            " WHERE p.pronamespace = '_stage'::regnamespace AND p.proname = %s",
            f"fn_note_delete_{time}",
        )
        assert text.count(" 100 ") == text.count(" 2000 ") == 1
        chain.run(text.replace(" 100 ", f" {singly} ").replace(" 2000 ", f" {placed} "))
    for table in CORRECTED:
        time = TIME.get(table, "time")
        chain.run(
            f"DELETE FROM {name(table)} WHERE {time} >= '{START}'"
            f" AND {time} < '{START + timedelta(minutes=15)}'",
            f"DELETE FROM {name(table)} WHERE {time} = '{START - timedelta(days=999)}'",
        )
        noted = chain.value(
            "SELECT count(*) FROM _stage.noted_rows AS n WHERE n.table_name = %s", table
        )
        assert noted == (30 if singly >= 30 else 0)
        place = (*MACHINES, START, START + timedelta(minutes=14))
        anywhere = (None, None, None, None)
        expected = [(*(place if placed >= 30 else anywhere), True)] if singly < 30 else []
        assert chain.query(NOTED_CHUNKS, table) == expected
    chain.upgrade("0109")
    for table in CORRECTED:
        left = [START + timedelta(minutes=15 + n) for n in range(5)]
        assert [at for at, _ in in_v2(chain, table)] == [at for at in left for _ in MACHINES], table
    assert chain.broken() == []


#: Some have rows at the same instants; two have one name, in two companies; master knows not all.
SITES = (
    ("COMP-01", "CNC-00001"),
    ("COMP-01", "CNC-00002"),
    ("COMP-02", "CNC-00001"),
    ("COMP-01", "nobody's"),
)
#: Of a cycle: its company, machine and minute since ``START - 9 days``.
MINUTE = f"extract(epoch FROM cycle_start - ('{START}'::timestamptz - interval '9 days')) / 60"
CHANGED = {
    "DELETE": (
        "DELETE FROM silver.machine_cycles WHERE {0} % 25 IN (0, 5)"
        " AND company_id = 'COMP-01' AND {0} >= 0"
    ),
    "UPDATE": (
        "UPDATE silver.machine_cycles SET program_no = 'right' WHERE {0} % 25 IN (0, 10)"
        " AND (company_id, machine_id) <> ('COMP-01', 'CNC-00001') AND {0} >= 0"
    ),
}


def test_large_statements_over_machines_and_days_are_followed_to_the_row(chain: Chain) -> None:
    chain.run(
        "INSERT INTO master.companies (company_id, company_name) VALUES ('COMP-02', 'Two')",
        *(
            "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id, program_no)"
            f" SELECT '{START}'::timestamptz - interval '9 days' + n * interval '5 minutes',"
            f" '{company}', $${machine}$$, 'wrong' FROM generate_series(0, 2591) AS n"
            for company, machine in SITES
        ),
    )
    chain.run(
        "INSERT INTO master.plants (plant_id, company_id, plant_name)"
        " VALUES ('COMP-02-P01', 'COMP-02', 'Two')",
        "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
        " VALUES ('CNC-00001', 'COMP-02', 'COMP-02-P01', 'D-two', '9')",
    )
    chain.upgrade("0106")
    keys = "SELECT company_id, machine_id, cycle_start FROM silver.machine_cycles"
    for kind, statement in CHANGED.items():
        text = statement.format(MINUTE)
        expected = set(chain.query(f"{keys} WHERE {text.partition(' WHERE ')[2]}"))
        assert len(expected) > 1500, kind
        chain.run(text)
        assert chain.value("SELECT count(*) FROM _stage.noted_rows") == 0
        assert len(chain.query(NOTED_CHUNKS, "machine_cycles")) == 2  # chunks of v1
        chain.run("SELECT _stage.follow_chunks()")
        noted = set(chain.query("SELECT company_id, machine_id, at FROM _stage.noted_rows"))
        # Of a machine that master does not know v2 has no row that a delete could concern.
        known = {key for key in expected if key[1] != "nobody's"}
        assert noted >= (known if kind == "DELETE" else expected), kind
        assert noted <= expected, kind
        chain.run("CALL _stage.catch_up()")
        assert chain.value("SELECT _stage.count_notes()") == 0
    chain.upgrade("0109")
    v1 = (
        "SELECT company_id, machine_id, cycle_start, program_no FROM _archive.machine_cycles"
        " WHERE machine_id <> $$nobody's$$"
    )
    v2 = (
        "SELECT k.company_id, k.machine_id, c.cycle_start, c.program_no"
        " FROM silver.machine_cycles AS c"
        " INNER JOIN _archive.machine_keys AS k USING (machine_iot_id)"
    )
    assert sorted(chain.query(v2)) == sorted(chain.query(v1))
    assert chain.broken() == []


@pytest.mark.parametrize("rows", [20, 200])
def test_deletes_that_are_not_followed_yet_outlive_a_downgrade(chain: Chain, rows: int) -> None:
    chain.run(*(insert_minutes("machine_cycles", m, rows) for m in MACHINES))
    chain.upgrade("0106")
    chain.run(
        f"DELETE FROM silver.machine_cycles WHERE cycle_start >= '{START + timedelta(minutes=5)}'"
        f" AND cycle_start < '{START + timedelta(days=1)}'"
    )
    assert bool(chain.query(NOTED_CHUNKS, "machine_cycles")) == (rows > 100)
    chain.downgrade("0102")
    noted = chain.value("SELECT count(*) FROM _archive.noted_rows WHERE NOT inserted")
    assert noted == (rows - 5) * len(MACHINES)
    chain.upgrade("0109")
    assert len(in_v2(chain, "machine_cycles")) == 5 * len(MACHINES)


def test_a_table_that_v1_empties_is_empty_in_v2_but_for_what_came_after(chain: Chain) -> None:
    chain.run(insert("machine_status", START))
    chain.upgrade("0106")
    chain.run(
        "TRUNCATE silver.machine_status",
        insert("machine_status", START + timedelta(hours=1)),
    )
    chain.upgrade("0109")
    assert chain.query("SELECT event_time FROM silver.machine_status") == [
        (START + timedelta(hours=1),)
    ]


def test_what_v1_corrects_and_deletes_between_down_and_up_again_is_so_in_v2(chain: Chain) -> None:
    kept, corrected, deleted = (START + timedelta(hours=n) for n in range(3))
    chain.run(*(insert(t, at) for t in CORRECTED for at in (kept, corrected, deleted)))
    chain.upgrade()
    chain.downgrade("0001")
    for table, (column, _, right, *_) in CORRECTED.items():
        chain.run(
            f"UPDATE {name(table)} SET {column} = {right} {where(table, corrected)}",
            f"DELETE FROM {name(table)} {where(table, deleted)}",
            insert(table, START + timedelta(hours=5)),
        )
    chain.upgrade()
    for table, (*_, right_in_v2) in CORRECTED.items():
        found = in_v2(chain, table)
        assert [at for at, _ in found] == [kept, corrected, START + timedelta(hours=5)], table
        assert found[1][1] == right_in_v2, table


def test_up_again_looks_only_at_what_v1_has_changed(chain: Chain) -> None:
    chain.upgrade()
    chain.downgrade("0001")
    chain.run(insert("machine_cycles", START - timedelta(days=100)))
    chain.upgrade("0103")
    looked_at = "SELECT count(*) FROM _stage.backfill_progress WHERE rows_migrated > 0"
    assert chain.value(looked_at) == 1  # the chunk that is new
    assert chain.value("SELECT _stage.count_notes()") == 0


REGISTER = (
    "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
    " VALUES ('M-late', 'COMP-01', 'COMP-01-P01', 'D-late', '9')"
)


@pytest.mark.parametrize("revision", BEFORE_SWAP)
def test_rows_of_a_machine_that_is_registered_meanwhile_are_in_v2(
    chain: Chain, revision: str
) -> None:
    chain.run(*(insert(t, START, "M-late") for t in CORRECTED if t != "history"))
    chain.upgrade(revision)
    chain.run(REGISTER)
    chain.upgrade("0109")
    for table in CORRECTED:
        assert len(in_v2(chain, table)) == (table != "history"), table


@pytest.mark.requires("multi_session")
def test_a_machine_registered_in_a_transaction_from_before_the_backfill_is_in_v2(
    chain: Chain,
) -> None:
    chain.run(insert("machine_cycles", START, "M-late"))
    chain.upgrade("0102")
    old = psycopg2.connect(chain.url)
    with old.cursor() as cursor:
        cursor.execute(REGISTER)
    upgrade = threading.Thread(target=lambda: chain.upgrade("0103"))
    upgrade.start()
    upgrade.join(3)  # it waits for the writer to end
    old.commit()
    old.close()
    upgrade.join(60)
    chain.upgrade("0109")
    assert in_v2(chain, "machine_cycles") == [(START, "wrong")]


@pytest.mark.requires("multi_session")
def test_a_machine_registered_while_master_is_copied_does_not_stop_the_step(chain: Chain) -> None:
    chain.upgrade("0101")
    [check] = step_of("0101").script("verify").statements(chain.settings.edition)
    with psycopg2.connect(chain.url) as step, step.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()")
        chain.run(REGISTER)
        cursor.execute(check.text)
        step.rollback()
        # A machine that was there before must have its row.
        with pytest.raises(psycopg2.Error, match="master rows of v1 have no v2 row"):
            cursor.execute(check.text)
    step.close()
    chain.upgrade("0109")
    late = "SELECT count(*) FROM master.machine_info WHERE machine_id = 'M-late'"
    assert chain.value(late) == 1


def test_rows_that_went_past_the_triggers_are_found_before_the_swap(chain: Chain) -> None:
    later = START + timedelta(hours=1)
    chain.run(insert("machine_cycles", START), insert("machine_status", START))
    chain.upgrade("0105")
    chunk, status = (
        chain.value(
            "SELECT format('%%I.%%I', c.chunk_schema, c.chunk_name)"
            " FROM timescaledb_information.chunks AS c"
            " WHERE c.hypertable_schema = 'silver' AND c.hypertable_name = %s"
            " AND c.range_start <= %s AND c.range_end > %s",
            table,
            START,
            START,
        )
        for table in ("machine_cycles", "machine_status")
    )
    chain.run(
        insert("machine_cycles", later).replace("silver.machine_cycles", chunk),
        f"DELETE FROM {status} {where('machine_status', START)}",
    )
    assert chain.value("SELECT _stage.count_notes()") == 0
    chain.upgrade("0109")
    assert in_v2(chain, "machine_cycles") == [(START, "wrong"), (later, "wrong")]
    assert in_v2(chain, "machine_status") == []


def test_what_a_replica_applies_is_noted(chain: Chain) -> None:
    chain.run(insert("machine_cycles", START))
    chain.upgrade("0106")
    with chain.session() as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(insert("machine_status", START))
        cursor.execute(f"DELETE FROM silver.machine_cycles {where('machine_cycles', START)}")
    if chain.value("SELECT _stage.count_notes()") == 0:
        pytest.skip("this version of TimescaleDB cannot fire such triggers for replicas")
    chain.upgrade("0109")
    assert in_v2(chain, "machine_cycles") == []
    assert in_v2(chain, "machine_status") == [(START, "wrong")]


def test_a_row_that_goes_on_to_differ_stops_the_upgrade_before_the_swap(chain: Chain) -> None:
    chain.run(insert("machine_cycles", START))
    chain.upgrade("0105")
    # As if a row could not be brought to v2 for a reason that nobody foresaw.
    chain.run(
        "CREATE FUNCTION _stage.lose() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NULL; END'",
        f"DELETE FROM _stage.machine_cycles WHERE cycle_start = '{START}'",
        "CREATE TRIGGER lose BEFORE INSERT ON _stage.machine_cycles"
        " FOR EACH ROW EXECUTE FUNCTION _stage.lose()",
    )
    with pytest.raises(StatementError, match="v2 does not hold what v1 holds") as caught:
        chain.upgrade()
    assert f"machine_cycles of COMP-01/CNC-00001 at {START:%Y-%m-%d}" in str(caught.value)
    assert chain.revision() == "0105"
    chain.run("DROP TRIGGER lose ON _stage.machine_cycles", "DROP FUNCTION _stage.lose()")
    chain.upgrade("0109")
    assert in_v2(chain, "machine_cycles") == [(START, "wrong")]
