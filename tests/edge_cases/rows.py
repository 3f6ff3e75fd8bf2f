"""Edge-case rows of v1: all that v1's schema lets in and v2's would rather not see."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta

import psycopg2.extensions
from psycopg2.extensions import AsIs
from psycopg2.extras import Json, execute_values

from tests.edge_cases.facts import edge_case_facts, unconvertible_numbers
from tests.edge_cases.masters import edge_case_masters, unconvertible_licences
from tests.edge_cases.values import (
    LAST_MIDNIGHT,
    LONG_NAME,
    QUOTED,
    SHIFT_IDS,
    TICK,
    WIDE,
    chunk_boundary,
    clock_changes,
    edges,
)

__all__ = [
    "LAST_MIDNIGHT",
    "LONG_NAME",
    "QUOTED",
    "WIDE",
    "clock_changes",
    "edge_case_rows",
    "unconvertible_licences",
    "unconvertible_numbers",
    "unmappable_shifts",
]

_Connection = psycopg2.extensions.connection
_Row = tuple[object, ...]

COMPANIES: tuple[tuple[str, str], ...] = (
    ("north", "North"),
    ("NORTH", "North in capitals"),
    ("south", QUOTED),
    ("empty", "No plant, no machine"),
    (WIDE, WIDE),
)


def edge_case_rows(connection: _Connection, *, until: datetime | None = None) -> None:
    """Add the rows to a v1 database that has none of these ids; commits nothing.

    All of them can be converted, archived or reported; ``unmappable_shifts`` adds those that
    cannot stand under v2's rules, and ``unconvertible_…`` those that must stop an upgrade.
    ``alerting.active_alerts`` is left empty. ``until`` as in ``make_fleet``.
    """
    end = until or LAST_MIDNIGHT
    _masters(connection, end)
    edge_case_masters(connection, end)
    edge_case_facts(connection, end)
    _write(
        connection,
        "INSERT INTO silver.machine_cycles (cycle_start, cycle_end, company_id, machine_id,"
        " program_no, std_load_unload, std_cycle_time, actual_load_unload, actual_cycle_time,"
        " created_at, shift_id, down_threshold) VALUES %s",
        list(_cycles(end)),
    )
    _write(
        connection,
        "INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload, processed,"
        " company_id, batch_id, processing_status) VALUES %s",
        list(_telemetry(end)),
    )
    _write(
        connection,
        "INSERT INTO bronze.dead_letter_queue (time, payload, error_reason, company_id) VALUES %s",
        [
            (end, None, None, None),
            (end, Json(None), "", "north"),
            (chunk_boundary(end), Json({"DeviceID": QUOTED}), QUOTED, "south"),
            (chunk_boundary(end) - TICK, Json([1, "two"]), WIDE * 50, WIDE),
        ],
    )


def unmappable_shifts(connection: _Connection) -> None:
    """Add shifts that no running shift of v2 can hold: overlapping, no start, no sane length.

    Needs :func:`edge_case_rows` first. Commits nothing.
    """
    _write(
        connection,
        _SHIFTS,
        [
            ("X1", "north", "P-2", "from six", time(6), 8, None),
            ("X2", "north", "P-2", "overlaps it", time(13), 8, None),
            ("X3", "north", "P-2", "no start", None, 8, None),
            ("X4", "north", "P-2", "no length", time(1), 0, None),
            ("X5", "north", "P-2", "less than none", time(2), -8, None),
            ("X6", "north", "P-2", "longer than a day", time(3), 30, None),
        ],
    )


def _write(connection: _Connection, statement: str, rows: list[_Row]) -> None:
    with connection.cursor() as cursor:
        execute_values(cursor, statement, rows, page_size=1000)


_SHIFTS = (
    "INSERT INTO master.shifts (shift_id, company_id, plant_id, shift_name, start_time,"
    " duration_hrs, created_at) VALUES %s"
)


def _masters(connection: _Connection, end: datetime) -> None:
    _write(
        connection,
        "INSERT INTO master.companies (company_id, company_name, effective_from_date, created_at)"
        " VALUES %s",
        [
            (company, name, None if number else end, None if number else end)
            for number, (company, name) in enumerate(COMPANIES)
        ],
    )
    _write(
        connection,
        "INSERT INTO master.plants (plant_id, company_id, plant_name, plant_city, created_at)"
        " VALUES %s",
        [
            ("P-1", "north", "One", "Pune", end),
            ("P-1", "south", "One of another company", None, None),
            ("P-2", "north", None, None, None),
            ("P-24", "north", "Round the clock", "", end),
            ("P-idle", "north", "No machine, no shift", "", end),
            (QUOTED, "south", QUOTED, QUOTED, end),
            (WIDE, WIDE, WIDE, WIDE, end),
        ],
    )
    _write(
        connection,
        "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id,"
        " created_at) VALUES %s",
        [
            ("M-1", "north", "P-1", "D-1", "1", end),
            # One machine id, and one device, in two companies.
            ("M-1", "south", "P-1", "D-1", "1", None),
            ("M-2", "north", "P-2", "D-2", "1", None),
            ("M-3", "north", "P-24", "42", "not a number", end),
            (LONG_NAME, "south", QUOTED, LONG_NAME, LONG_NAME, end),
            (QUOTED, "south", QUOTED, QUOTED, QUOTED, end),
            (WIDE, WIDE, WIDE, WIDE, WIDE, end),
            ("M-silent", "north", "P-1", "D-silent", "", end),
        ],
    )
    _write(
        connection,
        _SHIFTS,
        [
            # "A" means the day in one plant and the night in the next.
            ("A", "north", "P-1", "Day", time(6), 8, end),
            ("B", "north", "P-1", None, time(14), None, None),
            ("C", "north", "P-1", "Night", time(22), 8, None),
            ("A", "south", "P-1", "Night", time(18), 12, None),
            ("B", "south", "P-1", "Day", time(6), 12, None),
            # Numbers: one that is free, one that is padded, two that smallint > 0 cannot hold.
            ("2", "south", QUOTED, "Second", time(6), 6, None),
            ("02", "south", QUOTED, "Padded second", time(12), 6, None),
            ("0", "south", QUOTED, "Nought", time(18), 3.5, None),
            ("70000", "south", QUOTED, QUOTED, time(21, 30), 8.5, None),
            # Words; and one that is called as if no shift had matched.
            # It begins at midnight, which is written in two ways.
            ("SHIFT-1", WIDE, WIDE, WIDE, AsIs("'24:00'::time"), 12, None),
            ("UNKNOWN", WIDE, WIDE, "", time(12), 6.25, None),
            (" night ", WIDE, WIDE, None, time(18, 15), 5.75, None),
            # A whole day; and shifts of a plant that is not there.
            ("24h", "north", "P-24", "Always", time(0), 24, None),
            ("A", "north", "P-404", "Nowhere", time(6), 8, None),
            ("A", "empty", "P-1", "Of a company without a plant", time(6), 8, None),
        ],
    )


def _cycles(end: datetime) -> Iterator[_Row]:
    start = end - timedelta(days=10)

    def cycle(
        at: datetime,
        until: datetime | None,
        *,
        machine: str = "M-1",
        company: str = "north",
        program: str | None = "O1",
        seconds: int | None = 60,
        created: datetime | None = end,
        shift: str | None = "A",
    ) -> _Row:
        return (
            at, until, company, machine, program, seconds, seconds, seconds, seconds, created,
            shift, seconds,
        )  # fmt: skip

    minutes = timedelta(minutes=5)
    # Sent again: the same to the last bit, a later end, an end that was open, no created_at.
    yield cycle(start, start + minutes)
    yield cycle(start, start + minutes)
    yield cycle(start, start + 2 * minutes, created=end + minutes)
    yield cycle(start, None, created=end - minutes)
    yield cycle(start, start + 3 * minutes, created=None)
    yield cycle(start, start + minutes, program="O2", created=end + minutes, shift="B")
    # The same machine id and start in another company is another cycle.
    yield cycle(start, start + minutes, company="south")
    # Orphans: no such machine; the machine of another company; a company without any.
    yield cycle(start, start + minutes, machine="M-404")
    yield cycle(start, start + minutes, machine="M-2", company="south")
    yield cycle(start, start + minutes, machine="M-1", company="empty")
    yield cycle(start, start + minutes, machine="m-1")
    # Null wherever null is allowed.
    yield cycle(
        start + minutes, None, program=None, seconds=None, created=None, shift=None, machine="M-2"
    )
    # End before start, end at start, open for good, a gap of days.
    start += timedelta(hours=1)
    yield cycle(start, start - minutes)
    yield cycle(start + minutes, start + minutes)
    yield cycle(start + 2 * minutes, None)
    yield cycle(start + timedelta(days=3), start + timedelta(days=3, seconds=1))
    # Shift ids of all kinds, mapped or not.
    start += timedelta(hours=1)
    for number, shift in enumerate(SHIFT_IDS):
        at = start + number * minutes
        yield cycle(at, at + minutes, machine="M-2", shift=shift)
        yield cycle(at, at + minutes, machine=QUOTED, company="south", shift=shift)
        yield cycle(at, at + minutes, machine=WIDE, company=WIDE, shift=shift, program=WIDE)
    # Text and numbers at their ends.
    yield cycle(start, start + minutes, machine=LONG_NAME, company="south", program=QUOTED)
    yield cycle(start, start + minutes, machine="M-3", program="", seconds=2_147_483_647)
    yield cycle(start + minutes, None, machine="M-3", program="\n\t ", seconds=-2_147_483_648)
    # Midnight in Greenwich and in India, and both sides of it; shift changes; chunk boundaries;
    # changes of daylight saving, and the hour that comes twice.
    for at in edges(end):
        for machine, company in (("M-1", "north"), (WIDE, WIDE)):
            yield cycle(at, at + timedelta(seconds=90), machine=machine, company=company)


def _telemetry(end: datetime) -> Iterator[_Row]:
    start = end - timedelta(days=2)

    def text(moment: datetime) -> str:
        return moment.isoformat()

    def payload(cycles: object, **more: object) -> dict[str, object]:
        return {"DeviceID": "D-2", "IOTID": "1", "MachineWiseCycleDetails": cycles, **more}

    good = {
        "CycleStart": text(start),
        "CycleEnd": text(start + timedelta(minutes=5)),
        "ProgramNo": "O77",
        "StdLoadUnload": 60,
        "StdCycleTime": "300",
        "ActualLoadUnload": 55,
        "DownThreshold": 120,
    }
    later = {**good, "CycleStart": text(start + timedelta(hours=1)), "CycleEnd": None}
    # No zone: v1 reads it as the wall clock in India.
    local = {
        **good,
        "CycleStart": (start + timedelta(hours=2)).strftime("%Y-%m-%d %H:%M:%S"),
        "CycleEnd": (start + timedelta(hours=2, minutes=5)).strftime("%Y-%m-%dT%H:%M:%S.123"),
    }
    payloads: list[object] = [
        payload([good]),
        payload([good, good, later]),
        payload([local]),
        payload([]),
        payload(None),
        payload(good),
        payload("none"),
        payload(["a", 1, None]),
        payload([{}]),
        payload([{**good, "CycleStart": None}]),
        payload([{**good, "CycleStart": "not a time"}]),
        payload([{**good, "CycleStart": ""}]),
        payload([{**good, "CycleStart": 1_659_966_696}]),
        payload([{**good, "CycleStart": later["CycleStart"], "CycleEnd": good["CycleStart"]}]),
        payload([{**good, "CycleStart": "2022-13-45T99:00:00Z"}]),
        payload([{**good, "StdCycleTime": "x"}, later]),
        payload([{**good, "StdCycleTime": 12.5}]),
        payload([{**good, "StdCycleTime": 99_999_999_999}]),
        payload([{**good, "StdCycleTime": 10**30}]),
        payload([{**good, "StdCycleTime": True, "ProgramNo": {"no": 1}}]),
        payload([{**good, "ProgramNo": QUOTED + WIDE, "DownThreshold": None, "Extra": 1}]),
        payload([{**good, "CycleStart": text(clock_changes(end)[-1])}]),
        payload(
            [later],
            MachineRunningStatus=[{"UpdatedTS": text(start), "Status": "Running"}],
            MachineWiseFocasDetails=[{"Date": text(start), "PartCount": 1.5}],
            MachineWiseToolDetails=[{"UpdatedTS": text(start), "ToolNo": "T1"}],
        ),
        *_all_arrays(start),
        {**payload([good]), "DeviceID": "D-404"},
        {**payload([good]), "DeviceID": "D-1"},
        {**payload([good]), "DeviceID": 42, "IOTID": "not a number"},
        {**payload([good]), "DeviceID": None},
        {"MachineWiseCycleDetails": [good]},
        {"DeviceID": "D-2", "IOTID": "1"},
        {},
        [],
        [payload([good])],
        "text",
        42,
        True,
    ]
    statuses = ("pending", "claimed", "failed")
    for number, body in enumerate(payloads):
        for status in statuses:
            batch = None if status == "pending" else f"00000000-0000-4000-8000-{number:012}"
            yield (
                start + timedelta(minutes=number), "D-2", "1", Json(body), False, "north", batch,
                status,
            )  # fmt: skip
    # JSON null and no payload at all are two things; nulls everywhere; a status that v1 never set.
    for status in statuses:
        yield (start, None, None, Json(None), None, None, None, status)
        yield (start, None, None, None, None, None, None, status)
    yield (start, "D-2", "1", Json(payload([good])), None, None, None, None)
    yield (start, "D-2", "1", Json(payload([good])), False, "south", None, "retry")
    yield (start, "D-2", "1", Json(payload([good])), True, "north", None, "processed")
    yield (chunk_boundary(end), "D-2", "1", Json(payload([good])), True, "north", None, "processed")
    yield (
        chunk_boundary(end) - TICK,
        "D-2",
        "1",
        Json(payload([later])),
        False,
        None,
        None,
        "pending",
    )


def _all_arrays(start: datetime) -> Iterator[dict[str, object]]:
    """Payloads of each of the seven other arrays: whole, with fractions, and broken."""
    at = start.isoformat()
    whole: dict[str, dict[str, object]] = {
        "MachineRunningStatus": {
            "UpdatedTS": at, "RunningProgramNo": "O1", "Status": "Running", "OperatorID": 7,
            "Target": 12,
        },
        "MachineWiseDownDetails": {
            "DownStart": at, "DownEnd": None, "DownCode": "NO-OP", "DownID": 1,
            "DownThreshold": 300,
        },
        "MachineWiseAlarmDetails": {"AlarmTS": at, "AlarmNo": 1001, "AlarmDesc": WIDE},
        "MachineWiseEnergyDetails": {
            "UpdatedTS": at, "Category": "all", "ServoEnergy": 1.2345, "SpindleEnergy": "2",
            "TotalEnergy": 3.2345,
        },
        "MachineWiseFocasDetails": {
            "UpdatedTS": at, "ShiftID": "Z", "POT": 3600, "OT": 1800.5, "CT": 900, "PartCount": 2.5,
            "RejCount": 0,
        },
        "MachineWiseToolDetails": {"UpdatedTS": at, "ToolNo": 7, "Target": 100, "Actual": 99.5},
        "MachineWisePMDetails": {"UpdatedTS": at, "PMCorrectedCount": 4},
    }  # fmt: skip
    broken: dict[str, dict[str, object]] = {
        "MachineRunningStatus": {"Target": "many"},
        "MachineWiseDownDetails": {"DownID": 1.5},
        "MachineWiseAlarmDetails": {"AlarmTS": "yesterday, at noon or so"},
        "MachineWiseEnergyDetails": {"TotalEnergy": "high"},
        "MachineWiseFocasDetails": {"PartCount": "1e400"},
        "MachineWiseToolDetails": {"ToolNo": None},
        "MachineWisePMDetails": {"PMCorrectedCount": 99_999_999_999},
    }
    head = {"DeviceID": "D-2", "IOTID": "1"}
    yield {**head, **{name: [element] for name, element in whole.items()}}
    yield {**head, **{name: [element, element] for name, element in whole.items()}}
    for name, element in whole.items():
        time_key = next(key for key in element if key in ("UpdatedTS", "DownStart", "AlarmTS"))
        yield {**head, name: [element]}
        yield {**head, name: [{**element, **broken[name]}]}
        yield {**head, name: [element, {**element, time_key: None}]}
        yield {**head, name: [{}]}
        yield {**head, name: element}
    only_date = {**whole["MachineWiseFocasDetails"], "Date": at}
    del only_date["UpdatedTS"]
    yield {**head, "MachineWiseFocasDetails": [only_date]}
    # Numbers that a double holds and v2's types do not.
    yield {**head, "MachineWiseFocasDetails": [{**only_date, "POT": 3e9, "PartCount": "NaN"}]}
    yield {**head, "MachineWiseEnergyDetails": [
        {**whole["MachineWiseEnergyDetails"], "TotalEnergy": 1e12, "ServoEnergy": "Infinity"}
    ]}  # fmt: skip
