"""Rows that arrive under v2, or while the chain moves, are lost in neither direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from setu.catalog.fingerprint import RowFingerprint, fingerprint_differences
from setu.errors import PreflightError
from setu.simulate.fleet import V1_TABLES, make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import HEAD, Chain, Row, chain_on, since
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.kept import cache, keep, missing, rows
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=1, plants=2, machines=2, days=3, cycles_per_machine_day=4)
V2_REVISIONS = since("0107")
UNTIL = LAST_MIDNIGHT - timedelta(days=1)


def with_data(chain: Chain) -> None:
    """v1 with a small fleet and edge cases; a copy of each table in schema ``keep``."""
    chain.upgrade("0001")
    with chain.session() as connection:
        connection.autocommit = False
        make_fleet(connection, FLEET, until=UNTIL)
        edge_case_rows(connection)
        connection.commit()
    chain.run(
        "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id, shift_id,"
        f" created_at) SELECT '{UNTIL:%Y-%m-%d}'::timestamptz + n * interval '1 minute',"
        " 'COMP-01', 'CNC-00002', 'A', now() FROM generate_series(600, 650) AS n"
    )
    keep(chain)


@dataclass(frozen=True)
class Arrivals:
    """What arrives under v2 at one revision, under names and times of its own."""

    revision: str

    @property
    def name(self) -> str:
        """The name of what is new."""
        return f"NEW-{self.revision}"

    def at(self, minutes: float) -> datetime:
        """A time that no other revision uses."""
        days = V2_REVISIONS.index(self.revision)
        return datetime(2025, 6, 1, 8, tzinfo=UTC) + timedelta(days=days, minutes=minutes)

    @property
    def open_cycle(self) -> datetime:
        """The start of the open v1 cycle that is completed at this revision."""
        return UNTIL + timedelta(minutes=600 + V2_REVISIONS.index(self.revision))

    def has(self, revision: str) -> bool:
        """Whether the database is that far."""
        return self.revision in since(revision)

    def write(self, chain: Chain) -> None:
        """Write them."""
        chain.run(self._masters(), *self._cycles())
        if self.has("0303"):
            chain.run("SELECT silver.fn_rebuild_cycle_state()")
        if self.has("0402"):
            chain.run("UPDATE _etl.watermarks SET enabled = true")
            self._send(chain, 60, machine="CNC-00001")
            self._send(chain, 61, machine=None)
            # Own sessions, so that the load is nobody's transaction.
            chain.run("CALL _etl.sp_load_machine_cycles(0, '{}')")
            # From here on a scheduler, where there is one, finds nothing to do.
            chain.run("UPDATE _etl.watermarks SET enabled = false")
        if self.has("0204"):
            self._send(chain, 70, machine="CNC-00001")

    def _masters(self) -> str:
        return f"""
        WITH company AS (
            INSERT INTO master.companies (company_id, company_name, address)
            VALUES ('{self.name}', 'New', 'v2 alone knows where') RETURNING iot_id
        ),
        plant AS (
            INSERT INTO master.plants (company_iot_id, plant_id, plant_name, timezone, plant_code)
            SELECT iot_id, 'P', 'New plant', 'Europe/Berlin', 'code' FROM company
            RETURNING iot_id, company_iot_id
        ),
        shift AS (
            INSERT INTO master.shift_definitions (
                company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day
            )
            SELECT company_iot_id, iot_id, 7, 'Late', '20:00', '04:30', 1 FROM plant
        ),
        device AS (
            INSERT INTO master.device_info (device_id, description)
            VALUES ('{self.name}', 'v2 alone describes it') RETURNING device_iot_id
        ),
        machine AS (
            INSERT INTO master.machine_info (
                machine_id, company_iot_id, device_iot_id, source_iot_id, ip_address, port_no
            )
            SELECT 'M', c.iot_id, d.device_iot_id, 'S', '10.1.2.3', 8193
            FROM company AS c CROSS JOIN device AS d
            RETURNING iot_id, company_iot_id
        ),
        mapping AS (
            INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
            SELECT m.company_iot_id, p.iot_id, m.iot_id FROM machine AS m CROSS JOIN plant AS p
        ),
        cycle AS (
            INSERT INTO silver.machine_cycles (
                logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start,
                cycle_end, program_no, actual_load_unload
            )
            SELECT '2031-01-01', company_iot_id, iot_id, 7, 'Late', '{self.at(0)}', '{self.at(5)}',
                'O-new', 12
            FROM machine
        )
        -- Its machine moves to the other plant, and next time back.
        UPDATE master.plant_machine_mapping AS pm
        SET plant_iot_id = p.iot_id
        FROM master.machine_info AS m, master.plants AS p
        WHERE m.machine_id = 'CNC-00003' AND pm.machine_iot_id = m.iot_id
            AND p.company_iot_id = m.company_iot_id AND p.iot_id <> pm.plant_iot_id
        """

    def _cycles(self) -> Iterator[str]:
        for minutes, shift in ((10, 1), (20, 0)):
            yield (
                "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id,"
                " shift_id, shift_name, cycle_start, cycle_end, std_cycle_time)"
                f" SELECT '2031-01-01', company_iot_id, iot_id, {shift}, 'n', '{self.at(minutes)}',"
                f" '{self.at(minutes + 5)}', 300 FROM master.machine_info"
                " WHERE machine_id = 'CNC-00001'"
            )
        yield (
            "UPDATE silver.machine_cycles AS c SET cycle_end = c.cycle_start + interval '50 s',"
            " actual_cycle_time = 50 FROM master.machine_info AS m"
            " WHERE m.iot_id = c.machine_iot_id AND m.machine_id = 'CNC-00002'"
            f" AND c.cycle_start = '{self.open_cycle}'"
        )

    def _send(self, chain: Chain, minutes: int, *, machine: str | None) -> None:
        key = 999_999
        if machine:
            key = chain.value(
                "SELECT iot_id FROM master.machine_info WHERE machine_id = %s", machine
            )
        chain.run(
            "INSERT INTO bronze.raw_machine_cycles (device_id,"
            " machine_iot_id, cycle_start, cycle_end, program_no, std_cycle_time)"
            f" VALUES ('GW-00001', {key}, '{self.at(minutes)}',"
            f" '{self.at(minutes + 5)}', 'O-bronze', 420)"
        )

    def expected(self) -> dict[str, list[Row]]:
        """What v1 has of them after the way down, by what was asked."""
        expected: dict[str, list[Row]] = {
            "company": [("New",)],
            "plant": [("New plant",)],
            "shift": [("7", "Late", "20:00:00", 8.5)],
            "machine": [("P", self.name, "S")],
            "cycles": [("M", "7", 5.0), ("CNC-00001", "A", 5.0), ("CNC-00001", "UNKNOWN", 5.0)],
            "completed": [(None,), (50.0,)],
        }
        if self.has("0204"):
            expected["pending"] = [("O-bronze", 420)]
        if self.has("0402"):
            expected["loaded"] = [(1,)]
            expected["dead"] = [("unknown_machine", "999999")]
        return expected

    def found(self, chain: Chain) -> dict[str, list[Row]]:
        """The same, asked of a database at v1."""
        asked = {
            "company": "SELECT company_name FROM master.companies"
            f" WHERE company_id = '{self.name}'",
            "plant": f"SELECT plant_name FROM master.plants WHERE company_id = '{self.name}'",
            "shift": "SELECT shift_id, shift_name, start_time::text, duration_hrs::float"
            f" FROM master.shifts WHERE company_id = '{self.name}'",
            "machine": "SELECT plant_id, device_id, iot_id FROM master.machine_info"
            f" WHERE company_id = '{self.name}'",
            "cycles": "SELECT machine_id, shift_id,"
            " extract(epoch FROM cycle_end - cycle_start)::float / 60 FROM silver.machine_cycles"
            f" WHERE cycle_start BETWEEN '{self.at(0)}' AND '{self.at(30)}' ORDER BY cycle_start",
            "completed": "SELECT extract(epoch FROM cycle_end - cycle_start)::float"
            f" FROM silver.machine_cycles WHERE cycle_start = '{self.open_cycle}'"
            " AND machine_id = 'CNC-00002' ORDER BY cycle_end NULLS FIRST",
        }
        if self.has("0204"):
            asked["pending"] = (
                "SELECT c ->> 'ProgramNo', (c ->> 'StdCycleTime')::integer"
                " FROM bronze.raw_telemetry AS t,"
                " jsonb_array_elements(CASE WHEN jsonb_typeof(payload -> 'MachineWiseCycleDetails')"
                " = 'array' AND t.device_id = 'GW-00001'"
                " THEN payload -> 'MachineWiseCycleDetails' END) AS c"
                f" WHERE processing_status = 'pending' AND c ->> 'CycleStart' LIKE"
                f" '{self.at(70):%Y-%m-%dT%H:%M}%%'"
            )
        if self.has("0402"):
            asked["loaded"] = (
                "SELECT count(*)::integer FROM silver.machine_cycles WHERE cycle_start ="
                f" '{self.at(60)}' AND machine_id = 'CNC-00001'"
            )
            asked["dead"] = (
                "SELECT split_part(error_reason, ':', 1), payload ->> 'machine_iot_id'"
                " FROM bronze.dead_letter_queue WHERE payload ->> 'cycle_start' LIKE"
                f" '{self.at(61):%Y-%m-%dT%H:%M}%%'"
            )
        with chain.session() as connection, connection.cursor() as cursor:
            cursor.execute("SET timezone = 'UTC'")
            answers = {}
            for name, query in asked.items():
                cursor.execute(query.replace("%%", "%"))
                answers[name] = cursor.fetchall()
            return answers


@dataclass(repr=False)
class Journey:
    """What was seen at one revision, at v1 after the way down, and at the revision again."""

    before: dict[str, RowFingerprint] = field(default_factory=dict)
    after: dict[str, RowFingerprint] = field(default_factory=dict)
    cache: list[list[Row]] = field(default_factory=list)
    found: dict[str, list[Row]] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    loaded_again: Any = None


def travel(chain: Chain, revision: str) -> Journey:
    """At a revision: write, go down to v1 and look, come back."""
    seen = Journey()
    arrivals = Arrivals(revision)
    chain.upgrade(revision)
    arrivals.write(chain)
    chain.run(
        "UPDATE keep.master_machine_info SET plant_id = CASE plant_id WHEN 'COMP-01-P01' THEN"
        " 'COMP-01-P02' ELSE 'COMP-01-P01' END WHERE machine_id = 'CNC-00003'"
    )
    seen.before = rows(chain)
    seen.cache.append(cache(chain))
    chain.downgrade("0001")
    seen.found = arrivals.found(chain)
    seen.missing = missing(chain, loaded=arrivals.has("0402"))
    chain.upgrade(revision)
    seen.after = rows(chain)
    seen.cache.append(cache(chain))
    seen.broken = chain.broken()
    if arrivals.has("0402"):
        chain.run(
            "UPDATE _etl.watermarks SET enabled = true",
            "CALL _etl.sp_load_machine_cycles(0, '{}')",
            "UPDATE _etl.watermarks SET enabled = false",
        )
        run = "SELECT rows_read, rows_loaded, rows_rejected FROM _etl.job_runs"
        seen.loaded_again = chain.query(f"{run} ORDER BY run_id DESC LIMIT 1")
    return seen


@pytest.fixture(scope="module")
def journeys(server: Server) -> dict[str, Journey]:
    """A journey from each revision of v2, on one database: each finds what the others left."""
    with chain_on(server) as chain:
        with_data(chain)
        seen = {revision: travel(chain, revision) for revision in V2_REVISIONS}
        seen["end"] = Journey()
        seen["end"].found["bronze"] = chain.query(
            "SELECT cycle_start, count(*) FROM bronze.raw_machine_cycles"
            " WHERE program_no = 'O-bronze' GROUP BY 1 ORDER BY 1"
        )
    return seen


# Until 0205 v1's payloads are live, and a bronze row that was not loaded came back as one.
CHANGED = {"0204": ("bronze.raw_telemetry",)}


on_v2 = pytest.mark.parametrize("revision", V2_REVISIONS)


@on_v2
def test_v1_keeps_its_own_rows_to_the_bit(journeys: dict[str, Journey], revision: str) -> None:
    # Each second time CNC-00003 stands in the other plant: its targets name that plant's shifts.
    moved = V2_REVISIONS.index(revision) % 2 == 0
    assert journeys[revision].missing == ({"master.production_targets": 3} if moved else {})


@on_v2
def test_what_arrived_under_v2_is_in_v1_translated(
    journeys: dict[str, Journey], revision: str
) -> None:
    assert journeys[revision].found == Arrivals(revision).expected()


@on_v2
def test_v2_has_its_keys_values_and_rows_again(journeys: dict[str, Journey], revision: str) -> None:
    seen = journeys[revision]
    before, after = dict(seen.before), dict(seen.after)
    for table in CHANGED.get(revision, ()):
        assert before.pop(table) != after.pop(table)
    found = [d.render() for d in fingerprint_differences(before, after)]
    assert not found, found
    assert seen.cache[0] == seen.cache[1]


@on_v2
def test_every_revision_still_verifies_afterwards(
    journeys: dict[str, Journey], revision: str
) -> None:
    assert journeys[revision].broken == []


@pytest.mark.parametrize("revision", since("0402"))
def test_only_what_was_not_loaded_is_loaded_after_the_way_back(
    journeys: dict[str, Journey], revision: str
) -> None:
    assert journeys[revision].loaded_again == [(1, 1, 0)]


def test_each_bronze_row_is_there_once_after_all_the_journeys(
    journeys: dict[str, Journey],
) -> None:
    starts = [Arrivals(r).at(70) for r in since("0204")]
    starts += [Arrivals(r).at(n) for r in since("0402") for n in (60, 61)]
    assert journeys["end"].found["bronze"] == [(start, 1) for start in sorted(starts)]


# ------------------------------------------------------------- v1 writes while the chain moves


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        with_data(chain)
        yield chain


def v1_cycle(start: datetime, machine: str = "CNC-00001", **more: Any) -> str:
    """SQL of a cycle that v1 writes."""
    row = {
        "cycle_start": start, "company_id": "COMP-01", "machine_id": machine, "shift_id": "A",
        **more,
    }  # fmt: skip
    values = ", ".join("NULL" if v is None else f"'{v}'" for v in row.values())
    return f"INSERT INTO silver.machine_cycles ({', '.join(row)}) VALUES ({values})"


REGISTER = (
    "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
    " VALUES ('M-late', 'COMP-01', 'COMP-01-P01', 'GW-late', '77')"
)
S = LAST_MIDNIGHT + timedelta(hours=1)
CYCLES = (
    "SELECT m.machine_id, c.program_no, c.shift_id, c.shift_name FROM silver.machine_cycles AS c"
    " INNER JOIN master.machine_info AS m ON m.iot_id = c.machine_iot_id"
    f" WHERE c.cycle_start >= '{S}' ORDER BY c.cycle_start, 1"
)


@pytest.mark.parametrize("revision", ["0102", "0103"])
def test_what_v1_writes_before_the_swap_is_in_v2(chain: Chain, revision: str) -> None:
    chain.upgrade(revision)
    hour = timedelta(hours=1)
    chain.run(
        v1_cycle(S, program_no="new"),
        REGISTER,
        v1_cycle(S + hour, "M-late", program_no="of a machine registered meanwhile"),
        v1_cycle(S + 2 * hour, "M-404", program_no="orphan"),
        v1_cycle(S + 3 * hour, program_no="first", created_at=S),
        v1_cycle(S + 3 * hour, program_no="sent again", created_at=S + hour),
        v1_cycle(S + 4 * hour, program_no="sent again", created_at=S + hour),
        v1_cycle(S + 4 * hour, program_no="first", created_at=S),
    )
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade()
    assert [row[:2] for row in chain.query(CYCLES)] == [
        ("CNC-00001", "new"),
        ("M-late", "of a machine registered meanwhile"),
        ("CNC-00001", "first"),
        ("CNC-00001", "first"),
    ]
    assert chain.broken() == []
    chain.downgrade("0001")
    assert chain.rows(*V1_TABLES) == v1


@pytest.mark.parametrize("revision", ["0102", "0103"])
@pytest.mark.parametrize("minutes", [-1, 1], ids=["older", "newer"])
def test_of_a_history_row_that_is_sent_again_the_first_created_wins(
    chain: Chain, revision: str, minutes: int
) -> None:
    chain.run(v1_cycle(S, program_no="history", created_at=S))
    chain.upgrade(revision)
    chain.run(v1_cycle(S, program_no="again", created_at=S + timedelta(minutes=minutes)))
    chain.upgrade("0109")
    assert [row[1] for row in chain.query(CYCLES)] == ["again" if minutes < 0 else "history"]


def test_what_v1_writes_between_down_and_up_again_is_in_v2(chain: Chain) -> None:
    chain.upgrade()
    Arrivals(HEAD).write(chain)
    before = chain.query("SELECT machine_id, iot_id FROM master.machine_info ORDER BY 2")
    chain.downgrade("0001")
    # v1 processes what waits, which v2 has not loaded and still has in bronze.
    chain.run("CALL bronze.proc_process_bronze_batch(1000)")
    # Some are numbers that v2 has no room for: they stop the next upgrade until corrected.
    with pytest.raises(PreflightError, match=r"(?s)3000000000.*1000000000000"):
        chain.upgrade()
    chain.run(
        "DELETE FROM silver.machine_focas WHERE machine_id = 'M-2' AND pot = 3e9",
        "DELETE FROM silver.machine_energy WHERE machine_id = 'M-2' AND total_energy = 1e12",
        REGISTER,
        v1_cycle(S, "M-late", program_no="new"),
        "UPDATE master.plants SET plant_name = 'renamed by v1' WHERE plant_id = 'COMP-01-P01'",
    )
    v1 = chain.rows(*V1_TABLES)
    chain.upgrade()
    assert [row[:2] for row in chain.query(CYCLES)] == [("M-late", "new")]
    after = chain.query("SELECT machine_id, iot_id FROM master.machine_info ORDER BY 2")
    assert after[:-1] == before
    assert after[-1][0] == "M-late"
    assert chain.value("SELECT plant_name FROM master.plants WHERE plant_id = 'COMP-01-P01'") == (
        "renamed by v1"
    )
    chain.run(
        "UPDATE _etl.watermarks SET enabled = true", "CALL _etl.sp_load_machine_cycles(0, '{}')"
    )
    run = "SELECT rows_loaded, rows_merged FROM _etl.job_runs ORDER BY run_id DESC LIMIT 1"
    # v1 has loaded it meanwhile.
    assert chain.query(run) == [(0, 1)]
    chain.run("UPDATE _etl.watermarks SET enabled = false")
    chain.downgrade("0001")
    same = {t: f for t, f in chain.rows(*V1_TABLES).items() if t != "bronze.raw_telemetry"}
    assert same == {t: f for t, f in v1.items() if t != "bronze.raw_telemetry"}


def test_what_v1_wrote_before_the_downgrade_to_the_expanded_state_is_kept(chain: Chain) -> None:
    chain.upgrade()
    chain.downgrade("0106")
    chain.run(v1_cycle(S, program_no="while v1 was live"))
    chain.upgrade()
    assert [row[1] for row in chain.query(CYCLES)] == ["while v1 was live"]


def test_the_journey_can_tell_a_row_that_is_lost(chain: Chain) -> None:
    chain.upgrade("0107")
    Arrivals("0107").write(chain)
    chain.run("DELETE FROM _archive.machine_cycles WHERE machine_id = 'M-404'")
    chain.run(f"DELETE FROM silver.machine_cycles WHERE cycle_start = '{Arrivals('0107').at(10)}'")
    chain.downgrade("0001")
    assert missing(chain, loaded=False)["silver.machine_cycles"] == 1
    assert Arrivals("0107").found(chain) != Arrivals("0107").expected()
