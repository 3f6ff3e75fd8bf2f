"""The sweep of machine cycles against a bare INSERT … SELECT, with a backlog, and over old bronze.

Ten thousand machines. Five questions, each a ratio within one run:

- ``batch``: 60,000 new cycles, swept, and inserted bare into a table of the same indexes, by the
  clock and, where the server is on this machine, by the processor time of its process;
- ``backlog``: 3.6 million cycles in one call, at the rate of a single batch, and a batch after it;
- ``filled``: a batch over 14.4 million cycles more, four hours of the fleet;
- ``disturbed``: a batch in which some machines send a cycle once more, against one without;
- ``size``: a batch with 50 million rows in bronze against one with a million.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.scratch import (
    Connection,
    connect,
    console,
    run,
    say_where,
    scratch_database,
    seconds,
    upgrade,
)

MACHINES = 10_000
BATCH = 60_000
BACKLOG = 3_600_000
FILL = 14_400_000
OLD_ROWS = (1_000_000, 50_000_000)
OLD_CHUNKS = 25
DISTURBED = (0, 2, 10, 100)
TIMES = 11

FLEET = """
WITH company AS (
    INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'C') RETURNING iot_id
),
plant AS (
    INSERT INTO master.plants (company_iot_id, plant_id)
    SELECT c.iot_id, 'P' || n FROM company AS c CROSS JOIN generate_series(0, 9) AS n
    RETURNING iot_id, company_iot_id
),
shift AS (
    INSERT INTO master.shift_definitions
        (company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day)
    SELECT p.company_iot_id, p.iot_id, s.shift_id, s.shift_name, s.start_time, s.end_time, s.to_day
    FROM plant AS p
    CROSS JOIN (VALUES
        (1::smallint, 'Early', TIME '06:00', TIME '14:00', 0::smallint),
        (2::smallint, 'Late', TIME '14:00', TIME '22:00', 0::smallint),
        (3::smallint, 'Night', TIME '22:00', TIME '06:00', 1::smallint)
    ) AS s (shift_id, shift_name, start_time, end_time, to_day)
),
device AS (
    INSERT INTO master.device_info (device_id)
    SELECT 'D' || n FROM generate_series(0, %s - 1) AS n
    RETURNING device_iot_id, device_id
),
machine AS (
    INSERT INTO master.machine_info (machine_id, company_iot_id, source_iot_id, device_iot_id)
    SELECT 'M' || d.device_iot_id, c.iot_id, 'I' || d.device_iot_id, d.device_iot_id
    FROM company AS c CROSS JOIN device AS d
    ORDER BY d.device_iot_id
    RETURNING iot_id, company_iot_id
)
INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
SELECT m.company_iot_id, p.iot_id, m.iot_id
FROM machine AS m
INNER JOIN (SELECT iot_id, row_number() OVER (ORDER BY iot_id) - 1 AS place FROM plant) AS p
    ON p.place = m.iot_id %% 10
"""

# Cycles number %s to %s of the fleet: one machine after the other, 90 s apart.
ARRIVE = f"""
INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end,
    program_no, std_load_unload, std_cycle_time, down_threshold)
SELECT 'D' || n %% {MACHINES}, 1 + n %% {MACHINES}, c.cycle_start,
    c.cycle_start + INTERVAL '60 seconds', 'O1000', 30, 60, 300
FROM generate_series(%s::bigint, %s::bigint - 1) AS n
CROSS JOIN LATERAL (
    SELECT TIMESTAMPTZ '2026-01-05' + n / {MACHINES} * INTERVAL '90 seconds'
        + n %% {MACHINES} * INTERVAL '3 milliseconds'
) AS c (cycle_start)
"""

# The values are the sweep's in number and type, but nothing is looked up or computed for them.
BARE = """
INSERT INTO public.bare_cycles (logical_date, company_iot_id, machine_iot_id, shift_id, shift_name,
    cycle_start, cycle_end, program_no, std_load_unload, std_cycle_time, actual_load_unload,
    actual_cycle_time, down_threshold)
SELECT DATE '2026-01-05', 1, b.machine_iot_id, 1::smallint, 'Early', b.cycle_start, b.cycle_end,
    b.program_no, b.std_load_unload, b.std_cycle_time, 30, 60, b.down_threshold
FROM bronze.raw_machine_cycles AS b
WHERE b.id > %s
"""

BARE_TABLE = """
CREATE TABLE public.bare_cycles (LIKE silver.machine_cycles INCLUDING DEFAULTS INCLUDING INDEXES);
SELECT create_hypertable('public.bare_cycles', by_range('cycle_start', INTERVAL '7 days'),
    create_default_indexes => false)
"""

# Once more the first cycle of each batch, from so many in a hundred machines.
REPEAT = f"""
INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end,
    program_no, std_load_unload, std_cycle_time, down_threshold)
SELECT b.device_id, b.machine_iot_id, b.cycle_start, b.cycle_end, b.program_no, b.std_load_unload,
    b.std_cycle_time, b.down_threshold
FROM bronze.raw_machine_cycles AS b
WHERE b.id > %s AND b.id <= %s + {MACHINES} AND b.machine_iot_id %% 100 < %s
"""

# Old rows that were loaded long ago: the sweep has to leave them alone, not to load them.
OLD = f"""
INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id, cycle_start, cycle_end,
    program_no, std_load_unload, std_cycle_time, down_threshold)
SELECT a.time, 'D' || n %% {MACHINES}, 1 + n %% {MACHINES}, a.time - INTERVAL '60 seconds', a.time,
    'O1000', 30, 60, 300
FROM generate_series(1, %s) AS n
CROSS JOIN LATERAL (
    SELECT date_trunc('day', now()) - %s * INTERVAL '1 day' + n * INTERVAL '40 milliseconds'
) AS a (time)
"""

SKIP_OLD = """
UPDATE _etl.watermarks
SET last_processed_id = pg_sequence_last_value('bronze.raw_machine_cycles_id_seq'),
    last_processed_ts = now() - INTERVAL '1 minute'
WHERE pipeline = 'machine_cycles'
"""


Cost = tuple[float, float]
"""Seconds by the clock, and of processor time; the latter not a number for a server elsewhere."""


def cost(connection: Connection, work: Callable[[], object]) -> Cost:
    """What a call costs in the server process of this connection."""
    pid = connection.info.backend_pid

    def processor() -> float:
        try:
            return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
        except OSError:
            return float("nan")

    before = processor()
    took = seconds(work)
    return took, processor() - before


class Fleet:
    """A scratch database at head with a fleet, whose cycles arrive when they are told to."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arrived = 0
        run(connection, FLEET, MACHINES)
        run(connection, BARE_TABLE)
        for (job,) in run(
            connection,
            "SELECT job_id FROM timescaledb_information.jobs "
            "WHERE proc_schema = '_etl' OR hypertable_schema IN ('bronze', 'silver')",
        ):
            run(connection, "SELECT alter_job(%s, scheduled => false)", job)
        run(connection, "SET synchronous_commit = off")
        run(connection, "ANALYZE")

    def arrive(self, rows: int) -> int:
        """New cycles in bronze; the highest id before them."""
        [(last,)] = run(
            self.connection,
            "SELECT last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'",
        )
        run(self.connection, ARRIVE, self.arrived, self.arrived + rows)
        self.arrived += rows
        return int(last)

    def sweep(self) -> Cost:
        """Cost of the load of all that has arrived."""
        config = '{"max_runtime": "1 hour"}'
        took = cost(
            self.connection,
            lambda: run(self.connection, "CALL _etl.sp_load_machine_cycles(0, %s)", config),
        )
        [(behind,)] = run(
            self.connection,
            "SELECT pg_sequence_last_value('bronze.raw_machine_cycles_id_seq') "
            "- last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'",
        )
        assert behind == 0, behind
        return took

    def bare(self, after: int) -> Cost:
        """Cost of the bare insert of the rows above that id."""
        return cost(self.connection, lambda: run(self.connection, BARE, after))

    def both(self, number: int) -> tuple[Cost, Cost]:
        """Cost of a bare insert and of a sweep of one batch, in changing order."""
        after = self.arrive(BATCH)
        if number % 2:
            bare = self.bare(after)
            return bare, self.sweep()
        swept = self.sweep()
        return self.bare(after), swept


def measure_batch(fleet: Fleet) -> float:
    """Seconds of one swept batch, the median; prints the ratio to the bare insert.

    Both tables hold the same cycles: none at first, those of the backlog after it.
    """
    held = fleet.arrived
    for number in range(2):
        fleet.both(number)
    rounds = [fleet.both(number) for number in range(TIMES)]
    for place, kind in enumerate(("clock", "processor")):
        ratios = sorted(swept[place] / bare[place] for bare, swept in rounds)
        bares, sweeps = (sorted(pair[which][place] for pair in rounds) for which in (0, 1))
        bare, swept = median(bares), median(sweeps)
        console.print(
            f"batch over {held:,} cycles, {kind}: {BATCH:,} cycles of {MACHINES:,} machines, "
            f"{TIMES} times: "
            f"bare {bare:.3f} s ({bares[0]:.3f}–{bares[-1]:.3f}), "
            f"sweep {swept:.3f} s ({sweeps[0]:.3f}–{sweeps[-1]:.3f}), "
            f"{BATCH / bare:,.0f} and {BATCH / swept:,.0f} rows/s, "
            f"ratio {median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"
        )
    return median(swept[0] for _, swept in rounds)


def measure_backlog(fleet: Fleet, batch: float) -> None:
    """Print the rate of a backlog against the rate of a batch, and how a batch does after it."""
    after = fleet.arrive(BACKLOG)
    took, _ = fleet.sweep()
    console.print(
        f"backlog: {BACKLOG:,} cycles in {took:.1f} s ({BACKLOG / took:,.0f} rows/s), "
        f"{batch * BACKLOG / BATCH / took:.0%} of the rate of a batch"
    )
    fleet.bare(after)
    run(fleet.connection, "CHECKPOINT")
    measure_batch(fleet)


def measure_filled(fleet: Fleet) -> None:
    """Print how a batch does over tables that hold some hours of the fleet."""
    after = fleet.arrive(FILL)
    fleet.sweep()
    fleet.bare(after)
    run(fleet.connection, "CHECKPOINT")
    measure_batch(fleet)


def measure_disturbed(fleet: Fleet) -> None:
    """Print how much dearer a batch is in which machines repeat themselves."""
    costs: dict[int, list[Cost]] = {share: [] for share in DISTURBED}
    for number in range(TIMES + 2):
        for share in DISTURBED:
            after = fleet.arrive(BATCH)
            run(fleet.connection, REPEAT, after, after, share)
            took = fleet.sweep()
            if number >= 2:
                costs[share].append(took)
    none = costs[0]
    for share in DISTURBED[1:]:
        clock, processor = (
            median(
                ours[kind] / theirs[kind] for ours, theirs in zip(costs[share], none, strict=True)
            )
            for kind in (0, 1)
        )
        console.print(
            f"disturbed: {share} % of the machines repeat a cycle: "
            f"{clock:.2f} times a batch without, processor {processor:.2f}"
        )


def measure_size(fleet: Fleet) -> None:
    """Print the time of a batch over little and over much old bronze."""
    medians = []
    for day, rows in enumerate(OLD_ROWS):
        [(held,)] = run(fleet.connection, "SELECT count(*) FROM bronze.raw_machine_cycles")
        parts = OLD_CHUNKS if rows > 10_000_000 else 1
        for part in range(parts):
            run(fleet.connection, OLD, max(rows - held, 0) // parts, 2 + day * OLD_CHUNKS + part)
        run(fleet.connection, SKIP_OLD)
        run(fleet.connection, "VACUUM ANALYZE bronze.raw_machine_cycles")
        run(fleet.connection, "CHECKPOINT")
        times = []
        for number in range(TIMES + 2):
            fleet.arrive(BATCH)
            took = fleet.sweep()
            if number >= 2:
                times.append(took)
        medians.append(tuple(median(t[kind] for t in times) for kind in (0, 1)))
        clock = sorted(t[0] for t in times)
        [(chunks,)] = run(
            fleet.connection, "SELECT count(*) FROM show_chunks('bronze.raw_machine_cycles')"
        )
        console.print(
            f"size: a batch with {max(rows, held):,} rows in bronze, {chunks} chunks: "
            f"{medians[-1][0]:.3f} s ({clock[0]:.3f}–{clock[-1]:.3f}), "
            f"processor {medians[-1][1]:.3f} s"
        )
    (few, few_cpu), (many, many_cpu) = medians
    console.print(f"size: ratio {many / few:.2f}, processor {many_cpu / few_cpu:.2f}")


def main(*parts: str) -> None:
    """Run the parts named, all by default."""
    with scratch_database("sweep") as url:
        upgrade(url, "head")
        with connect(url) as connection:
            say_where(connection)
            fleet = Fleet(connection)
            wanted = parts or ("batch", "disturbed", "size", "backlog", "filled")
            batch = measure_batch(fleet) if {"batch", "backlog"} & set(wanted) else 0.0
            if "disturbed" in wanted:
                measure_disturbed(fleet)
            if "size" in wanted:
                measure_size(fleet)
            if "backlog" in wanted:
                measure_backlog(fleet, batch)
            if "filled" in wanted:
                measure_filled(fleet)


if __name__ == "__main__":
    main(*sys.argv[1:])
