"""The first scene: a v1 database with a history of its own, oddities included."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from setu.catalog import Catalog
from setu.catalog.snapshot import snapshot
from setu.demo.stage import Stage, query, run
from setu.simulate.fleet import V1_TABLES, count_rows, make_fleet
from setu.simulate.fleet_size import FleetSize

SIZE = FleetSize()
LATHE = "OKUMA-LATHE"
DUPLICATES = 5
ORPHANS = 3


@dataclass(frozen=True)
class V1:
    """v1 as it was: its catalog, and the text of every row of every table."""

    catalog: Catalog
    rows: dict[str, Counter[str]]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self.rows[table].total()


def make_v1(stage: Stage, until: datetime) -> V1:
    """Make v1 with a history that ends at ``until``; what it was."""
    stage.scene(
        "1  v1: JSON in, text keys",
        "A fleet with a history. Gateways send one JSON document a poll; a procedure shreds it.",
    )
    stage.migrate("upgrade", "0001")
    with stage.session() as connection:
        make_fleet(connection, SIZE, until=until)
        _add_oddities(connection, until)
        connection.commit()
        counts = count_rows(connection)
        cycles = query(
            connection,
            "SELECT machine_id, company_id, shift_id, to_char(cycle_start, 'YYYY-MM-DD HH24:MI:SS')"
            " FROM silver.machine_cycles WHERE actual_load_unload IS NOT NULL"
            " ORDER BY cycle_start DESC LIMIT 2",
        )
        rows = rows_of_v1(connection)
    facts = [(name, rows) for name, rows in counts.items() if not name.startswith("master.")]
    stage.show("Rows of v1", ("table", "#rows"), facts)
    stage.show(
        "Two cycles: text keys, text shifts",
        ("machine_id", "company_id", "shift_id", "cycle_start"),
        cycles,
    )
    with stage.reading() as connection:
        return V1(snapshot(connection), rows)


def rows_of_v1(connection: Any) -> dict[str, Counter[str]]:
    """Every row of v1 as text, as often as it is there.

    How far a payload was processed is left out, since v2 may change it; it is checked by count.
    """
    run(connection, "SET LOCAL timezone = 'UTC'")
    rows: dict[str, Counter[str]] = {}
    for name in V1_TABLES:
        columns = "t.*"
        if name == "bronze.raw_telemetry":
            columns = "t.ingest_time, t.device_id, t.iot_id, t.payload, t.company_id, t.batch_id"
        found = query(connection, f"SELECT ROW({columns})::text FROM {name} AS t")
        rows[name] = Counter(row[0] for row in found)
    connection.rollback()
    return rows


def _add_oddities(connection: Any, until: datetime) -> None:
    """A lathe without history, five duplicates and three cycles of an unknown machine."""
    begin = until - timedelta(days=60)
    run(
        connection,
        "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id,"
        " created_at) SELECT %s, p.company_id, p.plant_id, 'GW-OKUMA', '9000', %s"
        " FROM master.plants AS p ORDER BY p.plant_id LIMIT 1",
        LATHE,
        begin,
    )
    run(
        connection,
        "INSERT INTO silver.machine_cycles (SELECT c.* FROM silver.machine_cycles AS c"
        " ORDER BY c.cycle_start, c.machine_id LIMIT %s)",
        DUPLICATES,
    )
    run(
        connection,
        "INSERT INTO silver.machine_cycles (cycle_start, cycle_end, company_id, machine_id,"
        " shift_id) SELECT %s + n * INTERVAL '1 hour', %s + n * INTERVAL '1 hour 7 minutes',"
        " c.company_id, 'SOLD-IN-SPRING', 'A' FROM generate_series(1, %s) AS n,"
        " (SELECT company_id FROM master.companies ORDER BY 1 LIMIT 1) AS c",
        begin + timedelta(days=40),
        begin + timedelta(days=40),
        ORPHANS,
    )
