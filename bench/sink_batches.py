"""Rows a second into bronze by size of the sink's transactions, waiting for the disk or not."""

from __future__ import annotations

import sys
from typing import Any

from psycopg2.extras import execute_values

from bench.scratch import Connection, connect, console, run, say_where, scratch_database, upgrade
from bench.scratch import seconds as timed

ROWS = 30_000
INSERT = (
    "INSERT INTO bronze.raw_machine_cycles (kafka_partition, kafka_offset, device_id,"
    " machine_iot_id, cycle_start, cycle_end, program_no) VALUES %s"
)


def main(rows: int = ROWS) -> None:
    """One connection, multi-row INSERTs, a transaction each."""
    with scratch_database("sink") as url:
        upgrade(url, "0302")
        with connect(url) as connection:
            say_where(connection)
            [(fsync,)] = run(connection, "SHOW fsync")
            console.print(f"fsync {fsync}; {rows:,} rows, one connection")
            for size in (1, 100, 1000, 3000, 10_000):
                # Row by row takes long, and the rate needs few rows.
                count = min(rows, 2000) if size == 1 else rows
                rates = {}
                for synchronous in ("on", "off"):
                    run(connection, f"SET synchronous_commit = {synchronous}")
                    rates[synchronous] = count / timed(
                        lambda s=size, c=count: _send(connection, c, s)
                    )
                console.print(
                    f"  {size:>6,} rows a transaction: {rates['on']:>8,.0f} rows/s waiting, "
                    f"{rates['off']:>8,.0f} not waiting, {rates['off'] / rates['on']:.1f}x"
                )
            for compression in ("off", "on"):
                run(connection, f"SET wal_compression = {compression}")
                run(connection, "CHECKPOINT")
                [(before,)] = run(connection, "SELECT pg_current_wal_insert_lsn()")
                _send(connection, rows, 3000)
                [(size,)] = run(
                    connection, "SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before
                )
                console.print(
                    f"  wal_compression {compression}: {float(size) / rows:.0f} bytes of log a row"
                )


def _send(connection: Connection, rows: int, size: int) -> None:
    values: list[tuple[Any, ...]] = [
        (
            0,
            n,
            f"GW-{n % 100:05}",
            1 + n % 100,
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:07:00Z",
            "O1",
        )
        for n in range(size)
    ]
    with connection.cursor() as cursor:
        for _ in range(rows // size):
            execute_values(cursor, INSERT, values, page_size=size)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
