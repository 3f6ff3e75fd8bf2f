"""Rows as gateways send them, and the SQLite files that hold them."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from setu.ingest.source_templates import read_columns, read_template


@dataclass(frozen=True)
class GatewayCycle:
    """A row of ``raw_machine_cycles`` in a gateway file, in the order of its columns.

    Times are ISO-8601 text as the gateway wrote it, so that broken ones can be made too.
    """

    kafka_partition: int | None
    kafka_offset: int | None
    device_id: str
    machine_iot_id: int
    cycle_start: str | None
    cycle_end: str | None
    program_no: str | None = "O1000"
    std_load_unload: int | None = 60
    std_cycle_time: int | None = 420
    down_threshold: int | None = 300


def gateway_cycles(
    machines: Sequence[tuple[str, int]],
    *,
    cycles: int,
    first_start: datetime,
    partition: int = 0,
    first_offset: int = 0,
    seed: int = 1,
) -> Iterator[GatewayCycle]:
    """``cycles`` cycles for each machine (device id, v2's integer key), in order of their offsets.

    A cycle runs four to eight minutes and starts half a minute to two after the one before it.
    """
    chance = random.Random(seed)
    clocks = dict.fromkeys(machines, first_start)
    offset = first_offset
    for _ in range(cycles):
        for machine in machines:
            start = clocks[machine] + timedelta(milliseconds=chance.randrange(30_000, 120_000))
            end = start + timedelta(milliseconds=chance.randrange(240_000, 480_000))
            clocks[machine] = end
            yield GatewayCycle(
                kafka_partition=partition,
                kafka_offset=offset,
                device_id=machine[0],
                machine_iot_id=machine[1],
                cycle_start=start.isoformat(timespec="milliseconds"),
                cycle_end=end.isoformat(timespec="milliseconds"),
                program_no=f"O{chance.randrange(1000, 1004)}",
            )
            offset += 1


# Business values of the facts that a gateway sends, by column. Times come from the row itself.
_SAMPLES: dict[str, tuple[str | int | float, ...]] = {
    "program_no": ("O1000", "O1001", "O1002"),
    "down_code": ("NO-OP", "TOOL", "POWER", "SETUP"),
    "down_id": (1, 2, 3, 4),
    "status": ("Running", "Idle", "Stopped"),
    "operator_id": ("OP-1", "OP-2"),
    "alarm_no": ("1001", "1002", "1003"),
    "alarm_desc": ("Door open", "Spindle too hot"),
    "category": ("Machine", "Coolant"),
    "tool_no": ("T1", "T2", "T3", "T4"),
}


def gateway_rows(
    table: str,
    machines: Sequence[tuple[str, int]],
    *,
    rows: int,
    first_time: datetime,
    partition: int = 0,
    first_offset: int = 0,
    seed: int = 1,
) -> Iterator[tuple[object, ...]]:
    """``rows`` rows of a bronze table for each machine, in the order of its template's columns.

    One row a minute; a column ``*_end`` is half a minute after the row's time. ``table`` is the
    full name without its schema, ``raw_machine_energy``. For cycles that run like real ones, see
    :func:`gateway_cycles`.
    """
    chance = random.Random(f"{seed}/{table}")
    columns = read_template(table).columns[4:]
    offset = first_offset
    for number in range(rows):
        at = first_time + timedelta(minutes=number)
        for device, machine in machines:
            values: list[object] = []
            for column in columns:
                if column.declared_type == "DATETIME":
                    later = timedelta(seconds=30 if column.name.endswith("_end") else 0)
                    values.append((at + later).isoformat(timespec="milliseconds"))
                elif column.name in _SAMPLES:
                    values.append(chance.choice(_SAMPLES[column.name]))
                elif column.declared_type == "REAL":
                    values.append(chance.randrange(8000) / 8)
                else:
                    values.append(chance.randrange(1000))
            yield (partition, offset, device, machine, *values)
            offset += 1


def write_gateway_file(path: Path, rows: Iterable[GatewayCycle]) -> int:
    """Make a gateway's file of cycles, or add to one; returns the number of rows written."""
    return write_gateway_rows(path, "raw_machine_cycles", map(astuple, rows))


def write_gateway_rows(path: Path, table: str, rows: Iterable[Sequence[object]]) -> int:
    """Add rows of any bronze table to a gateway's SQLite file; makes the file, and the table in it.

    A row has the columns of the table's template, without the file's own row number. Returns the
    number of rows written.
    """
    template = read_template(table)
    names = ", ".join(template.names)
    marks = ", ".join("?" for _ in template.names)
    with closing(sqlite3.connect(path)) as file, file:
        if not read_columns(file, table):
            file.execute(template.ddl)
        before = file.total_changes
        file.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
        return file.total_changes - before
