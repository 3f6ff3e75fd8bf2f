"""The whole road at several sizes: up, down after a while under v2, and up again.

One fleet of a thousand machines; the days of history make the size, all ten facts together in v1's
proportions. Under v2 60,000 rows arrive, some are completed, corrected and written late by SQL.
Each size is measured in one database, one after the other. Backfill and comparison are also given
against a bare ``INSERT … SELECT`` of the same rows into hypertables with the same keys, the most
that the way up takes on the disk against v1's size, and v2's dashboards in their first minute
against v1's, with OEE by itself. The way back must not grow with history: the run fails when the
largest size takes more than 1.3 times what the smallest takes, and more than a second longer.

``python -m bench.road_at_size 1000000 5000000 20000000``; ``road_at_size.svg`` has the plot.
``1000000@90`` spreads a million rows over 90 days, so that most of v2 is compressed as it comes;
``1000000@90@60`` gives them to 60 machines, so that each has as many a day as in the fleet, which
the column store's ratio depends on.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from bench.scratch import (
    Connection,
    connect,
    console,
    downgrade,
    run,
    say_where,
    scratch_database,
    seconds,
    upgrade,
)

MACHINES = 1_000
ROWS_A_DAY = 166_000
ARRIVED = 60_000
GROWTH = 1.3
SLACK_S = 1.0

MASTERS = f"""
INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'C');
INSERT INTO master.plants (plant_id, company_id)
SELECT 'P' || n, 'C' FROM generate_series(0, 9) AS n;
INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time, duration_hrs)
SELECT s.id, 'C', 'P' || n, s.start_time::time, 8
FROM generate_series(0, 9) AS n
CROSS JOIN (VALUES ('A', '06:00'), ('B', '14:00'), ('C', '22:00')) AS s (id, start_time);
INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
SELECT 'M' || n, 'C', 'P' || n % 10, 'D' || n, 'I' || n FROM generate_series(1, {MACHINES}) AS n;
INSERT INTO master.downtime_codes (down_id, down_code, company_id)
SELECT n, 'D-' || n, 'C' FROM generate_series(1, 20) AS n;
INSERT INTO config.alert_rules (rule_name, metric, condition_operator, threshold_value)
VALUES ('r', 'm', '>', '1')
"""

# Share of all rows, table, and its columns: at is the instant, machine the machine's number.
FACTS = (
    (0.30, "machine_status", "time, status, program_no, shift_id", "at, 'Running', 'O1', 'A'"),
    (
        0.25,
        "machine_cycles",
        "cycle_start, cycle_end, program_no, std_cycle_time, actual_cycle_time, shift_id",
        "at, at + interval '60 s', 'O1', 60, 60, 'A'",
    ),
    (
        0.15,
        "machine_focas",
        "time, part_count, rej_count, pot, ot, ct, shift_id",
        "at, 3, 0, 300, 250, 200, 'A'",
    ),
    (0.12, "machine_energy", "time, category, total_energy, shift_id", "at, 'all', 1.25, 'A'"),
    (
        0.08,
        "machine_tool_usage",
        "time, tool_no, target_count, actual_count, shift_id",
        "at, 'T1', 100, 7, 'A'",
    ),
    (
        0.05,
        "machine_downtime",
        "down_start, down_end, down_code, down_id, shift_id",
        "at, at + interval '5 min', 'D-1', 1, 'A'",
    ),
    (0.03, "machine_alarms", "time, alarm_no, alarm_desc, shift_id", "at, '7001', 'a', 'A'"),
    (0.01, "machine_pm_status", "time, status, pm_corrected_count, shift_id", "at, 'Due', 1, 'A'"),
    (0.01, "customer_feedback", "time, question_id, rating_value", "at, 'Q1', 4"),
)
FILL = """
INSERT INTO silver.{table} (company_id, machine_id, {columns})
SELECT 'C', 'M' || machine, {values}
FROM generate_series(0, {rows} - 1) AS n
CROSS JOIN LATERAL (
    SELECT 1 + n % {machines} AS machine,
        date_trunc('hour', now()) - interval '1 hour'
            - n / {machines} * interval '{days} days' / greatest({rows} / {machines}, 1)
            - n % {machines} * interval '7 ms' AS at
) AS t
"""

REFERENCE = """
CREATE TABLE public.reference (LIKE silver.{table});
ALTER TABLE public.reference ADD UNIQUE (machine_id, {at}{third});
SELECT create_hypertable('public.reference', by_range('{at}', INTERVAL '7 days'),
    create_default_indexes => false)
"""
THIRD = {
    "machine_alarms": ", alarm_no",
    "machine_energy": ", category",
    "machine_tool_usage": ", tool_no",
    "customer_feedback": ", question_id, user_id",
}
DASHBOARDS = (
    "v_live_machine_status",
    "v_production_dashboard",
    "v_downtime_dashboard",
    "v_oee_dashboard",
)
OEE = DASHBOARDS[-1:]

ARRIVE = f"""
INSERT INTO bronze.raw_machine_cycles (
    device_id, machine_iot_id, cycle_start, cycle_end, program_no
)
SELECT d.device_id, m.iot_id, t.at, t.at + interval '50 s', 'O2'
FROM generate_series(0, {ARRIVED // 2} - 1) AS n
CROSS JOIN LATERAL (
    SELECT now() - interval '50 minutes' + n / {MACHINES} * interval '90 s'
        + n % {MACHINES} * interval '1 ms' AS at
) AS t
INNER JOIN master.machine_info AS m ON m.machine_id = 'M' || 1 + n % {MACHINES}
INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id;
INSERT INTO bronze.raw_machine_status (device_id, machine_iot_id, event_time, status)
SELECT d.device_id, m.iot_id, t.at, 'Idle'
FROM generate_series(0, {ARRIVED // 2} - 1) AS n
CROSS JOIN LATERAL (
    SELECT now() - interval '50 minutes' + n / {MACHINES} * interval '90 s'
        + n % {MACHINES} * interval '1 ms' AS at
) AS t
INNER JOIN master.machine_info AS m ON m.machine_id = 'M' || 1 + n % {MACHINES}
INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id
"""
BY_HAND = (
    # A gateway that was away for five days, and somebody who corrects an old day of a machine.
    "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,"
    " cycle_start, program_no) SELECT now()::date, company_iot_id, iot_id, 1,"
    " now() - interval '5 days' + n * interval '10 minutes' + interval '1 us', 'late'"
    " FROM master.machine_info CROSS JOIN generate_series(1, 700) AS n WHERE machine_id = 'M7'",
    "UPDATE silver.machine_cycles AS c SET program_no = 'fixed'"
    " WHERE c.machine_iot_id = (SELECT iot_id FROM master.machine_info WHERE machine_id = 'M8')"
    " AND c.cycle_start BETWEEN now() - interval '3 days' AND now() - interval '2 days'",
)


@dataclass
class Times:
    """Seconds at one size."""

    rows: int
    reference: float = 0.0
    #: Bytes: of the database under v1, and the most that the way up needed.
    v1_size: int = 0
    peak: int = 0
    #: Seconds of all dashboards, and of OEE alone: under v1, and in the first minute of v2.
    dashboards: tuple[float, float] = (0.0, 0.0)
    oee: tuple[float, float] = (0.0, 0.0)
    up: float = 0.0
    back: float = 0.0
    again: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)
    steps_again: dict[str, float] = field(default_factory=dict)


class _Steps(logging.Handler):
    """Keeps how long each step says it took."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage().split()
        if words[2:4] == ["done", "in"]:
            self.seconds[f"{words[0]} {words[1].rstrip(':')}"] = float(words[4])


@contextmanager
def _steps() -> Iterator[dict[str, float]]:
    handler, log = _Steps(), logging.getLogger("setu.chain.runner")
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield handler.seconds
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def fill(connection: Connection, rows: int, days: float = 0, machines: int = MACHINES) -> None:
    """v1's silver, and its alerts, with that many rows, of so many days and machines."""
    days = days or max(rows / ROWS_A_DAY, 1)
    run(connection, MASTERS)
    for share, table, columns, values in FACTS:
        run(
            connection,
            FILL.format(
                table=table,
                columns=columns,
                values=values,
                rows=int(rows * share),
                machines=machines,
                days=days,
            ),
        )
    run(connection, "ANALYZE")


def reference(connection: Connection) -> float:
    """Seconds of a bare copy of all facts into hypertables with the same keys."""
    took = 0.0
    for _, table, _, _ in FACTS:
        at = {"machine_cycles": "cycle_start", "machine_downtime": "down_start"}.get(table, "time")
        run(connection, REFERENCE.format(table=table, at=at, third=THIRD.get(table, "")))
        copy = f"INSERT INTO public.reference SELECT * FROM silver.{table}"
        took += seconds(lambda copy=copy: run(connection, copy))  # type: ignore[misc]
        run(connection, "DROP TABLE public.reference")
    return took


def dashboards(connection: Connection, views: tuple[str, ...] = DASHBOARDS) -> float:
    """Seconds of dashboards, each the better of two."""
    took = 0.0
    for view in views:
        # All columns: count(*) would leave out what nobody reads.
        query = f"SELECT count(d) FROM (SELECT * FROM gold.{view} OFFSET 0) AS d"
        took += min(seconds(lambda query=query: run(connection, query)) for _ in range(2))  # type: ignore[misc]
    return took


SIZE = "SELECT pg_database_size(current_database())"


@contextmanager
def _watched_size(url: str, times: Times) -> Iterator[None]:
    """Note the most that the database takes while inside, twice a second."""
    done = threading.Event()

    def watch() -> None:
        with connect(url) as connection:
            while not done.wait(0.5):
                with suppress(psycopg2.Error):  # a file that is dropped while it is measured
                    [(size,)] = run(connection, SIZE)
                    times.peak = max(times.peak, size)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def measure(rows: int, days: float = 0, machines: int = MACHINES) -> Times:
    """Up, back and again with that many rows of history, of so many days and machines."""
    times = Times(rows)
    with scratch_database("road") as url:
        upgrade(url, "0001")
        with connect(url) as connection:
            run(connection, "SELECT _timescaledb_functions.stop_background_workers()")
            fill(connection, rows, days, machines)
            for (name,) in run(
                connection,
                "SELECT format('%I.%I', view_schema, view_name)"
                " FROM timescaledb_information.continuous_aggregates",
            ):
                run(
                    connection,
                    f"CALL refresh_continuous_aggregate('{name}', NULL, date_trunc('hour', now()))",
                )
            times.reference = reference(connection)
            run(connection, "CHECKPOINT")
            [(times.v1_size,)] = run(connection, SIZE)
            before, oee = dashboards(connection), dashboards(connection, OEE)
        with _steps() as steps:
            with _watched_size(url, times):
                times.up = seconds(lambda: upgrade(url, "0103"))
                in_backfill = times.peak
                times.up += seconds(lambda: upgrade(url, "head"))
            with connect(url) as connection:
                times.dashboards = (before, dashboards(connection))
                times.oee = (oee, dashboards(connection, OEE))
                run(connection, ARRIVE)
                for fact in ("machine_cycles", "machine_status"):
                    run(connection, f"CALL _etl.sp_load_{fact}(0, '{{}}')")
                for statement in BY_HAND:
                    run(connection, statement)
                run(connection, "CHECKPOINT")
            times.back = seconds(lambda: downgrade(url, "0001"))
            with connect(url) as connection:
                [(there,)] = run(
                    connection,
                    "SELECT count(*) FROM silver.machine_cycles WHERE program_no IN ('O2', 'late')",
                )
                assert there == ARRIVED // 2 + 700, there
                run(connection, "CHECKPOINT")
            times.steps = dict(steps)
            steps.clear()
            times.again = seconds(lambda: upgrade(url, "head"))
            times.steps_again = dict(steps)
    backfill, compared = times.steps["0103 up"], times.steps["0106 up"]
    old, new = times.dashboards
    console.print(
        f"{rows:>12,} rows: up {times.up:.1f} s, back {times.back:.1f} s, "
        f"again {times.again:.1f} s, of which in the steps {_in_steps(times.steps, 'up'):.1f}, "
        f"{_in_steps(times.steps, 'down'):.1f} and {_in_steps(times.steps_again, 'up'):.1f} s; "
        f"bare copy of all facts {times.reference:.1f} s: backfill "
        f"{backfill / times.reference:.2f} times, comparison {compared / times.reference:.2f} "
        f"times; disk at most {in_backfill / times.v1_size:.2f} of v1's in the backfill, "
        f"{times.peak / times.v1_size:.2f} with gold; dashboards "
        f"{new / old:.2f} times ({new:.2f} s), OEE {times.oee[1] / times.oee[0]:.2f} times "
        f"({times.oee[1]:.2f} s); slowest: up {_slowest(times.steps, 'up')}; back "
        f"{_slowest(times.steps, 'down')}; again {_slowest(times.steps_again, 'up')}"
    )
    return times


def _in_steps(steps: dict[str, float], part: str) -> float:
    return sum(took for name, took in steps.items() if name.endswith(part))


def _slowest(steps: dict[str, float], part: str) -> str:
    slowest = sorted(((s, name) for name, s in steps.items() if name.endswith(part)), reverse=True)
    return ", ".join(f"{name.split()[0]} {s:.1f}" for s, name in slowest[:4])


COLOURS = {"up": "#4472c4", "back": "#c00000", "again": "#70ad47"}


def plot(measured: list[Times], file: Path) -> None:
    """Time against size, as SVG."""
    width, height, margin = 640, 400, 60
    most_rows = max(t.rows for t in measured)
    most_seconds = max(max(t.up, t.back, t.again) for t in measured)

    def point(rows: float, value: float) -> str:
        x = margin + rows / most_rows * (width - 2 * margin)
        y = height - margin - value / most_seconds * (height - 2 * margin)
        return f"{x:.1f},{y:.1f}"

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<path d="M{margin},{margin} V{height - margin} H{width - margin}" fill="none"'
        ' stroke="black"/>',
        f'<text x="{margin}" y="{margin - 12}">{most_seconds:.0f} s</text>',
        f'<text x="{width - margin}" y="{height - margin + 18}" text-anchor="end">'
        f"{most_rows:,} rows</text>",
    ]
    for number, (name, colour) in enumerate(COLOURS.items()):
        points = [point(t.rows, getattr(t, name)) for t in measured]
        lines.append(
            f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}"'
            ' stroke-width="2"/>'
        )
        lines += [
            f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="3" fill="{colour}"/>'
            for p in points
        ]
        lines.append(
            f'<text x="{margin + 12}" y="{margin + 16 * number}" fill="{colour}">{name}</text>'
        )
    file.write_text("\n".join([*lines, "</svg>"]) + "\n")


def main(*sizes: str) -> None:
    """Measure the sizes named; 1, 5 and 20 million rows by default."""
    measured: list[Times] = []
    for size in sizes or ("1000000", "5000000", "20000000"):
        if not measured:
            with scratch_database("where") as url, connect(url) as connection:
                say_where(connection)
        rows, days, machines = (*size.split("@"), "0", "0")[:3]
        measured.append(measure(int(rows), float(days), int(machines) or MACHINES))
        time.sleep(1)
    plot(measured, Path("road_at_size.svg"))
    first, last = measured[0], measured[-1]
    ratio = last.back / first.back
    console.print(
        f"history {last.rows / first.rows:.0f} times as long: back {ratio:.2f} times,"
        f" up {last.up / first.up:.2f} times, again {last.again / first.again:.2f} times"
    )
    if ratio > GROWTH and last.back - first.back > SLACK_S:
        raise SystemExit(f"The way back grows with history: {ratio:.2f} times.")


if __name__ == "__main__":
    main(*sys.argv[1:])
