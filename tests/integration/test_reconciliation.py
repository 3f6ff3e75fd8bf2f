"""What ``setu report`` counts, against a count by hand; and the business date of migrated rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import make_url

from setu.db.connection import connected
from setu.ops.reconciliation import TableRows, read_reconciliation
from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.edge_cases.values import edges
from tests.servers.at_hand import Server

FLEET = FleetSize(companies=2, plants=1, machines=2, days=3, cycles_per_machine_day=4)
UNTIL = LAST_MIDNIGHT - timedelta(days=1)
# Of a fact: its time, what else makes a row the same, and the numbers that v2 rounds to digits.
FACTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], int]] = {
    "silver.machine_cycles": ("cycle_start", (), (), 0),
    "silver.machine_downtime": ("down_start", (), (), 0),
    "silver.machine_status": ("time", (), (), 0),
    "silver.machine_alarms": ("time", ("alarm_no",), (), 0),
    "silver.machine_energy": (
        "time",
        ("category",),
        ("servo_energy", "spindle_energy", "total_energy"),
        3,
    ),
    "silver.machine_focas": ("time", (), ("part_count", "rej_count", "pot", "ot", "ct"), 0),
    "silver.machine_tool_usage": ("time", ("tool_no",), ("target_count", "actual_count"), 0),
    "silver.machine_pm_status": ("time", (), (), 0),
    "silver.customer_feedback": ("time", ("question_id", "user_id"), (), 0),
    "alerting.history": ("time", ("alert_id",), (), 0),
}


def by_hand(table: str, rows: list[dict[str, Any]], machines: set[Row]) -> TableRows:
    """One fact: rows of no machine are left out; of those that are the same, one is migrated."""
    time, same, numbers, digits = FACTS[table]
    known = [row for row in rows if (row["company_id"], row["machine_id"]) in machines]
    keys = Counter(
        (row["company_id"], row["machine_id"], row[time], *(row[c] or "" for c in same))
        for row in known
    )
    unit = Decimal(1).scaleb(-digits)
    rounded = sum(
        any(
            row[n] is not None
            and float(Decimal(repr(row[n])).quantize(unit, ROUND_HALF_UP)) != row[n]
            for n in numbers
        )
        for row in known
    )
    return TableRows(
        table, len(rows), len(keys), len(known) - len(keys), len(rows) - len(known), rounded
    )


@dataclass(repr=False)
class Upgrade:
    """v1's rows, what was reported of them, and v2's."""

    v1: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reported: dict[str, TableRows] = field(default_factory=dict)
    days: list[Row] = field(default_factory=list)


@pytest.fixture(scope="module")
def upgrade(server: Server) -> Iterator[Upgrade]:
    """From v1 with a fleet and edge cases to the revision that counts."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=UNTIL)
            edge_case_rows(connection)
            connection.commit()
        seen = Upgrade()
        for table in (
            *FACTS,
            "master.machine_info",
            "master.plants",
            "master.shifts",
            "master.downtime_codes",
            "master.machine_health_settings",
        ):
            seen.v1[table] = records(chain, table)
        chain.upgrade("0109")
        url = make_url(chain.url).set(drivername="postgresql+psycopg2")
        with connected(url, "test") as connection:
            seen.reported = {a.table: a for a in read_reconciliation(connection).tables}
        # Each row with the shift that v1 gave it.
        seen.days = chain.query(
            "SELECT k.company_id, k.machine_id, s.event_time, s.shift_id, s.logical_date,"
            " sk.v1_shift_id, s.shift_name FROM silver.machine_status AS s"
            " INNER JOIN _archive.machine_keys AS k USING (machine_iot_id)"
            " INNER JOIN master.plant_machine_mapping AS pm USING (machine_iot_id)"
            " LEFT JOIN _archive.shift_keys AS sk ON sk.plant_iot_id = pm.plant_iot_id"
            " AND sk.shift_id = s.shift_id"
        )
        yield seen


def records(chain: Chain, table: str) -> list[dict[str, Any]]:
    """All rows of a table, by column."""
    columns = [
        row[0]
        for row in chain.query(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped ORDER BY attnum",
            table,
        )
    ]
    named = ", ".join(
        f'"{c}"' if c != "resolved_at" else "NULL::text AS resolved_at" for c in columns
    )
    return [
        dict(zip(columns, row, strict=True)) for row in chain.query(f"SELECT {named} FROM {table}")
    ]


@pytest.mark.parametrize("table", [*FACTS])
def test_the_report_of_a_fact_is_what_a_count_by_hand_gives(upgrade: Upgrade, table: str) -> None:
    machines = {(m["company_id"], m["machine_id"]) for m in upgrade.v1["master.machine_info"]}
    reported = upgrade.reported[table]
    expected = by_hand(table, upgrade.v1[table], machines)
    numbers = ("v1_rows", "migrated", "merged", "left_out", "rounded")
    assert [getattr(reported, n) for n in numbers] == [getattr(expected, n) for n in numbers]
    assert reported.v1_rows == reported.migrated + reported.merged + reported.left_out
    for what, why in (
        ("merged", "same machine, time and key"),
        ("left_out", "no such machine in master"),
        ("rounded", "fewer digits"),
    ):
        assert (why in reported.note) == bool(getattr(expected, what))


def test_the_edge_case_rows_are_merged_rounded_and_left_out(upgrade: Upgrade) -> None:
    reported = [upgrade.reported[table] for table in FACTS if table.startswith("silver.")]
    assert all(found.merged and found.left_out for found in reported)
    assert [a.table for a in reported if a.rounded] == [t for t in FACTS if FACTS[t][2]]


def test_the_report_of_the_masters_says_why(upgrade: Upgrade) -> None:
    plants = {(p["company_id"], p["plant_id"]) for p in upgrade.v1["master.plants"]}
    shifts = upgrade.v1["master.shifts"]
    lost = sum((s["company_id"], s["plant_id"]) not in plants for s in shifts)
    assert lost == 2
    found = upgrade.reported["master.shifts"]
    assert (found.v1_rows, found.migrated, found.left_out) == (
        len(shifts),
        len(shifts) - lost,
        lost,
    )
    assert "no such plant" in found.note

    codes = upgrade.v1["master.downtime_codes"]
    distinct = len({c["down_code"] for c in codes})
    found = upgrade.reported["master.downtime_codes"]
    assert (found.migrated, found.merged) == (distinct, len(codes) - distinct)
    assert "the oldest definition" in found.note

    found = upgrade.reported["master.machine_health_settings"]
    assert found.left_out == len(upgrade.v1["master.machine_health_settings"]) > 0
    assert "v2 has no such table" in found.note
    assert all(
        a.left_out == 0
        for name, a in upgrade.reported.items()
        if name.startswith(("master.", "config."))
        and name not in ("master.shifts", "master.machine_health_settings")
    )


INDIA = ZoneInfo("Asia/Kolkata")


def business_day(at: datetime, shifts: list[dict[str, Any]], own: str | None) -> tuple[str, date]:
    """The rule: v1's own shift where it maps, at its nearest time; else the one that covers.

    Gives v1's name of the shift, UNKNOWN for none, and the date on which it began.
    """
    wall = at.astimezone(INDIA).replace(tzinfo=None)

    def begun(shift: dict[str, Any], days: int) -> tuple[datetime, datetime]:
        start = datetime.combine(wall.date() + timedelta(days=days), shift["start_time"])
        hours = shift["duration_hrs"]
        return start, start + timedelta(hours=float(8 if hours is None else hours))

    for shift in shifts:
        if shift["shift_id"] == own:
            runs = [(days, *begun(shift, days)) for days in (-2, -1, 0, 1)]
            far = [(max(start - wall, wall - end, timedelta(0)), days) for days, start, end in runs]
            return shift["shift_id"], wall.date() + timedelta(days=min(far)[1])
    for shift in shifts:
        for days in (-1, 0):
            start, end = begun(shift, days)
            if start <= wall < end:
                name = shift["shift_id"] if own is None else "UNKNOWN"
                return name, start.date()
    return "UNKNOWN", wall.date()


def test_carried_rows_have_the_shift_and_the_business_date_of_the_rule(upgrade: Upgrade) -> None:
    plant_of = {
        (m["company_id"], m["machine_id"]): m["plant_id"] for m in upgrade.v1["master.machine_info"]
    }
    given: dict[Row, set[str | None]] = {}
    for row in upgrade.v1["silver.machine_status"]:
        key = (row["company_id"], row["machine_id"], row["time"])
        given.setdefault(key, set()).add(row["shift_id"])
    checked, moments = 0, set()
    for company, machine, at, number, day, v1_shift, name in upgrade.days:
        owns = given[(company, machine, at)]
        if len(owns) > 1:
            continue  # sent twice, with two shifts
        [own] = owns
        shifts = [
            s
            for s in upgrade.v1["master.shifts"]
            if (s["company_id"], s["plant_id"]) == (company, plant_of[(company, machine)])
        ]
        shift, expected = business_day(at, shifts, own)
        found = v1_shift if number else "UNKNOWN"
        assert (found, day) == (shift, expected), (company, machine, at, own)
        if number == 0:
            assert name == "UNKNOWN"
        checked += 1
        moments.add(at.astimezone(UTC))
    assert checked > 100
    # Midnights, clock changes and chunk boundaries were among them.
    assert {at.astimezone(UTC) for at in edges(LAST_MIDNIGHT)} <= moments
