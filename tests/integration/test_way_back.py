"""The way back costs what happened since, and misses nothing of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.server import Server

FLEET = FleetSize(companies=1, plants=1, machines=3, days=30, cycles_per_machine_day=6)
UNTIL = LAST_MIDNIGHT - timedelta(days=1)
CYCLES = 30
"""Of the payload that waits when v1 is left, and of which v2 loads the cycles alone."""

MACHINE = "(SELECT m.* FROM master.machine_info AS m WHERE m.machine_id = 'CNC-0000{n}') AS m"
CYCLE = (
    "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,"
    " cycle_start, cycle_end, program_no)"
    " SELECT '2026-01-01', m.company_iot_id, m.iot_id, 1, s.at, {end}, '{program}'"
    " FROM {machine} CROSS JOIN (SELECT {at} AS at FROM generate_series(1, {rows}) AS n) AS s"
)
OLD = f"'{UNTIL - timedelta(days=25):%Y-%m-%d}'::timestamptz"
NEW = f"'{UNTIL:%Y-%m-%d}'::timestamptz"


def cycles(program: str, at: str, *, rows: int = 1, machine: int = 1, end: str = "s.at") -> str:
    """An INSERT of cycles of one machine."""
    return CYCLE.format(
        program=program, at=at, rows=rows, end=end, machine=MACHINE.format(n=machine)
    )


# Rows that come, are completed and corrected, late and new, one by one and many, by whatever
# statement; some go once more.
FIRST = (
    cycles("live", f"{NEW} + n * interval '7 minutes'", rows=300),
    cycles("late", f"{OLD} + n * interval '5 hours' + interval '3 s'", rows=80, machine=2),
    cycles("open", f"{NEW} + interval '1 minute'", end="NULL"),
    cycles("gone", f"{NEW} + interval '2 minutes'"),
    cycles("far", "'infinity'::timestamptz", end="NULL"),
    # Of v1's own cycles one gets a new end, as a load completes an open one.
    "UPDATE silver.machine_cycles AS c SET cycle_end = c.cycle_start + interval '77 s'"
    " WHERE (c.machine_iot_id, c.cycle_start) = (SELECT o.machine_iot_id, o.cycle_start"
    f" FROM silver.machine_cycles AS o WHERE o.program_no <> 'late' AND o.cycle_start >= {OLD}"
    " ORDER BY o.cycle_start, o.machine_iot_id LIMIT 1)",
    # A load's own way.
    "INSERT INTO silver.machine_cycles AS c (logical_date, company_iot_id, machine_iot_id,"
    " shift_id, cycle_start, cycle_end, program_no)"
    " SELECT o.logical_date, o.company_iot_id, o.machine_iot_id, o.shift_id, o.cycle_start,"
    " o.cycle_start + interval '88 s', 'merged' FROM silver.machine_cycles AS o"
    " WHERE o.program_no = 'open'"
    " ON CONFLICT (machine_iot_id, cycle_start) DO UPDATE SET cycle_end = excluded.cycle_end,"
    " program_no = excluded.program_no",
    "INSERT INTO silver.machine_energy (logical_date, company_iot_id, machine_iot_id, shift_id,"
    " event_time, category, total_energy) SELECT '2026-01-01', m.company_iot_id, m.iot_id, 1,"
    f" {NEW} + n * interval '1 minute', '', n"
    f" FROM {MACHINE.format(n=1)} CROSS JOIN generate_series(1, 50) AS n",
    # A code that v1 has never had.
    "INSERT INTO master.downtime_codes (down_code) VALUES ('V2-ONLY')",
    "INSERT INTO silver.machine_downtime (logical_date, company_iot_id, machine_iot_id, shift_id,"
    " down_start, down_end, down_id)"
    f" SELECT '2026-01-01', m.company_iot_id, m.iot_id, 1, {NEW}, {NEW} + interval '9 s', c.down_id"
    f" FROM {MACHINE.format(n=1)} CROSS JOIN master.downtime_codes AS c"
    " WHERE c.down_code = 'V2-ONLY'",
    "DELETE FROM silver.machine_cycles WHERE program_no = 'gone'",
)
# Between the passes and the swap back: what the passes made is out of date.
SECOND = (
    "UPDATE silver.machine_cycles SET program_no = 'corrected' WHERE program_no = 'live'",
    "DELETE FROM silver.machine_energy WHERE total_energy BETWEEN 10 AND 19",
    cycles("last", f"{NEW} + interval '3 minutes'", machine=3),
    # A machine that was not there when master went back, with a row.
    "WITH d AS (INSERT INTO master.device_info (device_id) VALUES ('GW-LAST') RETURNING"
    " device_iot_id), m AS (INSERT INTO master.machine_info (machine_id, company_iot_id,"
    " device_iot_id, source_iot_id) SELECT 'M-LAST', c.iot_id, d.device_iot_id, 'S-LAST'"
    " FROM master.companies AS c CROSS JOIN d LIMIT 1 RETURNING iot_id, company_iot_id)"
    " INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)"
    " SELECT m.company_iot_id, p.iot_id, m.iot_id FROM m CROSS JOIN master.plants AS p LIMIT 1",
    "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,"
    f" cycle_start, program_no) SELECT '2026-01-01', m.company_iot_id, m.iot_id, 1, {NEW},"
    " 'of the last' FROM master.machine_info AS m WHERE m.machine_id = 'M-LAST'",
)
EVERYTHING = (
    "SELECT t.table_name, _archive.migrate_back(t.table_name, '-infinity', 'infinity')::integer"
    " FROM _archive.migrated_tables AS t ORDER BY t.table_name"
)
COMPRESSED = (
    "SELECT c.chunk_name::text FROM timescaledb_information.chunks AS c"
    " WHERE c.is_compressed ORDER BY 1"
)


@dataclass(repr=False)
class Journey:
    """What was seen on the way to v1 and up again."""

    missed: list[Row] = field(default_factory=list)
    door: dict[str, str] = field(default_factory=dict)
    programs: dict[str, int] = field(default_factory=dict)
    energy: int = 0
    ends: list[Row] = field(default_factory=list)
    pending: list[Any] = field(default_factory=list)
    twice: int = 0
    loaded: int = 0
    left: list[str] = field(default_factory=list)
    stale: list[Row] = field(default_factory=list)
    compressed: dict[str, list[Row]] = field(default_factory=dict)


def payload(chain: Chain) -> str:
    """A payload that v1 has not processed."""
    device, source = chain.query(
        "SELECT device_id, iot_id FROM master.machine_info WHERE machine_id = 'CNC-00001'"
    )[0]
    at = UNTIL + timedelta(hours=30, seconds=20)
    return json.dumps(
        {
            "DeviceID": device,
            "IOTID": source,
            "MachineWiseCycleDetails": [
                {
                    "CycleStart": (at + timedelta(minutes=n)).isoformat(),
                    "CycleEnd": (at + timedelta(minutes=n, seconds=30)).isoformat(),
                    "ProgramNo": "payload",
                }
                for n in range(CYCLES)
            ],
            "MachineWiseEnergyDetails": [
                {"UpdatedTS": at.isoformat(), "Category": str(n), "TotalEnergy": n}
                for n in range(5)
            ],
        }
    )


def refused(chain: Chain) -> str:
    """What a sink is told that goes on writing."""
    try:
        chain.run(
            "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id) VALUES ('d', 1)"
        )
    except psycopg2.Error as error:
        return f"{error.pgcode} {error.diag.message_primary}. {error.diag.message_hint}"
    return ""


@pytest.fixture(scope="module")
def journey(server: Server) -> Journey:
    """To v2, write, to v1 with a stop before the swap back, and to v2 again."""
    seen = Journey()
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FLEET, until=UNTIL)
        waiting = payload(chain)
        with chain.session() as connection, connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload)"
                " VALUES (now(), 'd', 'i', %s)",
                (waiting,),
            )
        chain.upgrade()
        if chain.community:
            chain.run(
                "SELECT compress_chunk(c) FROM show_chunks('silver.machine_cycles',"
                f" older_than => {NEW} - interval '8 days') AS c"
            )
        seen.compressed["v2"] = chain.query(COMPRESSED) if chain.community else []
        chain.run(*FIRST, "CALL _etl.sp_load_machine_cycles(0, '{}')")
        chain.downgrade("0107")
        seen.missed = [row for row in chain.query(EVERYTHING) if row[1]]
        chain.run(*SECOND)
        chain.downgrade("0001")
        seen.compressed["v1"] = chain.query(COMPRESSED) if chain.community else []
        seen.programs = dict(
            chain.query(
                "SELECT program_no, count(*)::integer FROM silver.machine_cycles GROUP BY 1"
            )
        )
        seen.energy = chain.value(
            f"SELECT count(*) FROM silver.machine_energy WHERE time > {NEW}"
            " AND category IS NULL AND total_energy BETWEEN 1 AND 50 AND servo_energy IS NULL"
        )
        seen.ends = chain.query(
            "SELECT extract(epoch FROM cycle_end - cycle_start)::integer"
            " FROM silver.machine_cycles WHERE program_no IN ('open', 'merged')"
        )
        seen.pending = [
            {key: len(value) for key, value in row[0].items() if isinstance(value, list)}
            for row in chain.query(
                "SELECT payload FROM bronze.raw_telemetry WHERE processing_status = 'pending'"
                " AND payload ->> 'DeviceID' = (SELECT device_id FROM master.machine_info"
                " WHERE machine_id = 'CNC-00001') AND device_id = 'd'"
            )
        ]
        chain.run("CALL bronze.proc_process_bronze_batch(1000)")
        seen.twice = chain.value(
            "SELECT count(*) FROM (SELECT FROM silver.machine_cycles WHERE program_no = 'payload'"
            " GROUP BY cycle_start HAVING count(*) > 1) AS t"
        )
        seen.loaded = chain.value(
            "SELECT count(*) FROM silver.machine_energy WHERE category IN ('0','1','2','3','4')"
            f" AND time = '{(UNTIL + timedelta(hours=30, seconds=20)).isoformat()}'"
        )
        seen.left = [
            row[0]
            for row in chain.query(
                "SELECT t.tgname::text FROM pg_trigger AS t WHERE t.tgname LIKE 'setu%'"
            )
        ]
        chain.upgrade("0106")
        chain.run(
            "CALL _stage.catch_up()",
            "SELECT _stage.note_stale(t.table_name, '-infinity', 'infinity', NULL, NULL)"
            " FROM _archive.migrated_tables AS t",
        )
        seen.stale = chain.query("SELECT n.table_name, n.at FROM _stage.noted_rows AS n")
        for revision in ("0201", "0202", "0203", "0204"):
            chain.upgrade(revision)
            seen.door[f"up {revision}"] = refused(chain)
        chain.upgrade()
        seen.compressed["again"] = chain.query(COMPRESSED) if chain.community else []
        for revision in ("0204", "0203", "0202", "0201"):
            chain.downgrade(revision)
            seen.door[f"down {revision}"] = refused(chain)
    return seen


def test_a_full_comparison_finds_nothing_that_the_quick_way_missed(journey: Journey) -> None:
    assert journey.missed == []


def test_v1_gets_what_v2_is_at_the_swap_back(journey: Journey) -> None:
    expected = {
        "corrected": 300, "late": 80, "merged": 1, "far": 1, "last": 1, "of the last": 1,
        "payload": CYCLES,
    }  # fmt: skip
    found = {name: journey.programs.get(name, 0) for name in (*expected, "live", "open", "gone")}
    assert found == {**expected, "live": 0, "open": 0, "gone": 0}
    assert journey.energy == 40
    assert journey.ends == [(88,)]


def test_v1_holds_each_row_of_v2_as_it_is(journey: Journey) -> None:
    """So a search for what v1 has changed finds nothing else."""
    assert journey.stale == []


@pytest.mark.requires("community")
def test_nothing_is_decompressed_on_either_way(journey: Journey) -> None:
    assert journey.compressed["v2"]
    assert journey.compressed["v1"] == journey.compressed["v2"]
    assert journey.compressed["again"] == journey.compressed["v2"]


def test_of_a_payload_only_what_v2_has_not_loaded_goes_back(journey: Journey) -> None:
    assert journey.pending == [{"MachineWiseEnergyDetails": 5}]
    assert journey.twice == 0
    assert journey.loaded == 5


def test_v1_is_left_without_triggers(journey: Journey) -> None:
    assert journey.left == []


@pytest.mark.parametrize("revision", ["0201", "0202", "0203"])
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_sink_that_goes_on_writing_is_told_why_it_cannot(
    journey: Journey, way: str, revision: str
) -> None:
    answer = journey.door[f"{way} {revision}"]
    assert answer.startswith("55000 cannot insert into bronze.raw_machine_cycles")
    assert "Keep the rows and send them again" in answer


@pytest.mark.parametrize("way", ["up", "down"])
def test_bronze_takes_rows_where_their_ids_are_indexed(journey: Journey, way: str) -> None:
    assert journey.door[f"{way} 0204"] == ""


@pytest.fixture(scope="module")
def at_v2(server: Server) -> Any:
    """A small v2, to plant faults in."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.fill(FleetSize(1, 1, 2, 3, 2), until=UNTIL)
        chain.upgrade("0108")
        yield chain


def test_a_full_comparison_finds_what_a_lost_note_would_hide(at_v2: Chain) -> None:
    at_v2.run(
        cycles("planted", f"{NEW} + n * interval '7 minutes'", rows=3),
        "DELETE FROM _archive.change_notes",
    )
    at_v2.downgrade("0107")
    assert ("machine_cycles", 3) in at_v2.query(EVERYTHING)
    at_v2.upgrade("0108")


def test_all_rows_are_compared_where_a_trigger_was_switched_off(at_v2: Chain) -> None:
    switch_off = "ALTER TABLE silver.machine_cycles DISABLE TRIGGER setu_note_inserted"
    if not fire_for_replicas(at_v2):
        with pytest.raises(psycopg2.errors.FeatureNotSupported):
            at_v2.run(switch_off)
        return
    at_v2.run(
        switch_off,
        cycles("unnoted", f"{NEW} + n * interval '7 minutes' + interval '1 s'", rows=3),
    )
    at_v2.downgrade("0107")
    assert not [row for row in at_v2.query(EVERYTHING) if row[1]]
    assert (
        at_v2.value("SELECT count(*) FROM _archive.machine_cycles WHERE program_no = 'unnoted'")
        == 3
    )
    at_v2.upgrade("0108")


def test_all_rows_are_compared_on_request(at_v2: Chain) -> None:
    at_v2.run(
        cycles("asked for", f"{NEW} + n * interval '7 minutes' + interval '2 s'", rows=3),
        "DELETE FROM _archive.change_notes",
    )
    at_v2.downgrade("0107", "compare=everything")
    assert not [row for row in at_v2.query(EVERYTHING) if row[1]]
    at_v2.upgrade("0108")


def fire_for_replicas(chain: Chain) -> bool:
    """Whether this version of TimescaleDB can switch triggers of a hypertable on and off."""
    enabled = chain.value(
        "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'setu_note_inserted'"
        " AND tgrelid = 'silver.machine_cycles'::regclass"
    )
    return str(enabled) == "A"


def test_a_session_of_replication_leaves_notes_too(at_v2: Chain) -> None:
    at_v2.run("DELETE FROM _archive.change_notes")
    with at_v2.session() as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(cycles("replicated", f"{NEW} + interval '9 s'"))
    if fire_for_replicas(at_v2):
        assert at_v2.query("SELECT table_name, rows FROM _archive.change_notes") == [
            ("machine_cycles", 1)
        ]
        return
    # With older versions a comparison of all rows finds what such a session wrote.
    at_v2.downgrade("0107", "compare=everything")
    assert not [row for row in at_v2.query(EVERYTHING) if row[1]]
    assert (
        at_v2.value("SELECT count(*) FROM _archive.machine_cycles WHERE program_no = 'replicated'")
        == 1
    )
    at_v2.upgrade("0108")
