"""v2 at the head of the chain: a small plant, bronze rows by hand, and the load."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extras import execute_values

from tests.chain import Chain, Row, chain_on
from tests.servers.at_hand import Server

_PLANT = """
WITH company AS (
    INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'Company')
    RETURNING iot_id
),
plant AS (
    INSERT INTO master.plants (company_iot_id, plant_id, timezone)
    SELECT iot_id, 'P', 'UTC' FROM company
    RETURNING iot_id, company_iot_id
),
shift AS (
    INSERT INTO master.shift_definitions (
        company_iot_id, plant_iot_id, shift_id, shift_name, start_time, end_time, to_day
    )
    SELECT p.company_iot_id, p.iot_id, s.id, s.name, s.start_time, s.end_time, s.to_day
    FROM plant AS p
    CROSS JOIN (
        VALUES
            (1, 'Day', time '06:00', time '14:00', 0),
            (2, 'Night', time '22:00', time '06:00', 1)
    ) AS s (id, name, start_time, end_time, to_day)
),
device AS (
    INSERT INTO master.device_info (device_id) VALUES ('D-1'), ('D-2')
    RETURNING device_iot_id, device_id
),
machine AS (
    INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id, source_iot_id)
    SELECT replace(d.device_id, 'D', 'M'), c.iot_id, d.device_iot_id, '1'
    FROM device AS d CROSS JOIN company AS c
    ORDER BY d.device_id
    RETURNING iot_id, company_iot_id
)
INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)
SELECT m.company_iot_id, p.iot_id, m.iot_id FROM machine AS m CROSS JOIN plant AS p
"""

_COLUMNS = (
    "time", "kafka_partition", "kafka_offset", "device_id", "machine_iot_id", "cycle_start",
    "cycle_end", "program_no", "std_load_unload", "std_cycle_time", "down_threshold",
)  # fmt: skip


@dataclass(frozen=True)
class Silver:
    """A cycle in silver, as far as the load works it out."""

    machine: int
    start: datetime
    end: datetime | None
    gap: int | None
    run_time: int | None
    shift_id: int
    logical_date: str


class Plant:
    """A database at the head, with two machines (keys 1 and 2) and nothing else."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        chain.run(_PLANT)
        self.stop_jobs()

    def stop_jobs(self) -> None:
        """Let the scheduler, where there is one, leave the tests alone."""
        if self.chain.community:
            self.chain.run(
                "SELECT alter_job(job_id, scheduled => false)"
                " FROM timescaledb_information.jobs WHERE job_id >= 1000"
            )

    def clear(self) -> None:
        """Forget every cycle: bronze, silver, cache and control tables."""
        self.chain.run(
            "TRUNCATE bronze.raw_machine_cycles, silver.machine_cycles,"
            " silver.latest_cycle_state, _etl.rejected_rows, _etl.job_runs, _etl.fence_readings",
            "SELECT setval('bronze.raw_machine_cycles_id_seq', 1, false)",
            "UPDATE _etl.watermarks SET last_processed_id = 0, last_processed_ts = '-infinity',"
            " enabled = true, batch_size = 1000",
        )

    def send(self, *cycles: dict[str, Any]) -> None:
        """Insert bronze rows, in order; machine 1 unless said otherwise."""
        with self.chain.session() as connection, connection.cursor() as cursor:
            send(cursor, cycles)

    def load(self, **config: Any) -> dict[str, Any]:
        """Run the load as its own role; returns the run's line of the log."""
        with self.chain.session() as connection, connection.cursor() as cursor:
            cursor.execute("SET ROLE setu_etl")
            cursor.execute("CALL _etl.sp_load_machine_cycles(0, %s)", (json.dumps(config),))
        found = self.chain.query(
            "SELECT to_jsonb(r) FROM _etl.job_runs AS r ORDER BY r.run_id DESC LIMIT 1"
        )
        run: dict[str, Any] = found[0][0] if found else {}
        return run

    def silver(self) -> list[Silver]:
        """All cycles in silver, by machine and start."""
        return [
            Silver(*row)
            for row in self.chain.query(
                "SELECT machine_iot_id, cycle_start, cycle_end, actual_load_unload,"
                " actual_cycle_time, shift_id, logical_date::text"
                " FROM silver.machine_cycles ORDER BY 1, 2"
            )
        ]

    def rejects(self) -> list[Row]:
        """Bronze id and reason of each rejected row."""
        return self.chain.query(
            "SELECT bronze_id, reason_code FROM _etl.rejected_rows ORDER BY bronze_id"
        )

    def counters(self, run: dict[str, Any]) -> tuple[int, int, int, int]:
        """Rows read, loaded, merged and rejected; they must add up."""
        read, *parts = (run[f"rows_{name}"] for name in ("read", "loaded", "merged", "rejected"))
        assert read == sum(parts)
        return (read, parts[0], parts[1], parts[2])

    def check_cache(self) -> None:
        """The state cache is silver's last cycle of each machine."""
        assert self.chain.query(
            "SELECT machine_iot_id, last_cycle_start, last_cycle_end"
            " FROM silver.latest_cycle_state ORDER BY 1"
        ) == self.chain.query(
            "SELECT DISTINCT ON (machine_iot_id) machine_iot_id, cycle_start, cycle_end"
            " FROM silver.machine_cycles ORDER BY machine_iot_id, cycle_start DESC"
        )


def send(cursor: Any, cycles: Sequence[dict[str, Any]]) -> None:
    """Insert bronze rows in the cursor's transaction."""
    for cycle in cycles:
        row = {"machine_iot_id": 1, **cycle}
        row.setdefault("device_id", f"D-{row['machine_iot_id']}")
        names = [name for name in _COLUMNS if name in row]
        execute_values(
            cursor,
            f"INSERT INTO bronze.raw_machine_cycles ({', '.join(names)}) VALUES %s",
            [tuple(row[name] for name in names)],
        )


@contextmanager
def plant_on(server: Server, *, scheduler: bool = False) -> Iterator[Plant]:
    """A plant in a database of its own."""
    with chain_on(server, scheduler=scheduler) as chain:
        chain.upgrade()
        yield Plant(chain)
