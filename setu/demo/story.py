"""The whole road on one server, with data: v1, upgrade, load, downgrade, upgrade again.

Each claim that is shown is checked, and the checks are the result.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from setu.catalog import differences, render_differences
from setu.catalog.fingerprint import RowFingerprint, fingerprint, fingerprint_differences
from setu.catalog.snapshot import snapshot
from setu.demo.gateways import HOURS_LATER, Sent, feed_gateways, load, schedule_jobs
from setu.demo.stage import Check, Row, Stage, query, run
from setu.demo.v1 import DUPLICATES, LATHE, ORPHANS, SIZE, V1, make_v1, rows_of_v1
from setu.ops.health import lines, read_health
from setu.ops.reconciliation import RowReport, read_reconciliation
from setu.simulate.fleet import last_midnight
from setu.simulate.recorded_cycles import OKUMA_CYCLES

#: The state cache is computed from silver again, so when it was written may differ.
COMPARED = [
    "silver.machine_cycles",
    "bronze.raw_machine_cycles",
    "_etl.watermarks",
    "master.companies",
    "master.plants",
    "master.machine_info",
    "master.device_info",
    "master.plant_machine_mapping",
    "master.shift_definitions",
    "_etl.rejected_rows",
]


@dataclass(frozen=True)
class V2:
    """v2 as it was: a fingerprint of each table that is compared, and its number of objects."""

    rows: dict[str, RowFingerprint]
    objects: int


class Demo:
    """The demo on an empty database.

    :param url: address of a database with the extension and nothing else.
    :param console: where everything is shown.
    :ivar report: what became of v1's rows, once the upgrade has run.
    """

    def __init__(self, url: str, console: Console) -> None:
        self.stage = Stage(url, console)
        self.report: RowReport | None = None
        self._until = last_midnight() - timedelta(days=1)

    def run(self) -> list[Check]:
        """All of it; returns the checks in order. Ends at v2."""
        v1 = make_v1(self.stage, self._until)
        self.report = upgrade(self.stage, v1)
        sent = feed_gateways(self.stage, self._until)
        load(self.stage, sent)
        show_silver(self.stage, sent, self._until)
        v2 = state_of_v2(self.stage)
        downgrade(self.stage, v1, v2)
        upgrade_again(self.stage, v2)
        return self.stage.checks


def upgrade(stage: Stage, v1: V1) -> RowReport:
    """Take v1 to v2, and account for every row."""
    stage.scene(
        "2  The way up",
        "Every row of v1 is migrated, merged with its duplicate, or left out with a reason.",
    )
    stage.migrate("upgrade", "head")
    with stage.reading() as connection:
        report = read_reconciliation(connection)
    stage.show(
        "What became of v1's rows",
        ("table", "#v1", "#migrated", "#merged", "#left out"),
        (
            (a.table, a.v1_rows, a.migrated, a.merged, a.left_out)
            for a in report.tables
            if a.table.startswith("silver.")
        ),
    )
    [cycles] = [a for a in report.tables if a.table == "silver.machine_cycles"]
    stage.check(
        "every v1 cycle is migrated, merged or left out with a reason",
        cycles.v1_rows == v1.count("silver.machine_cycles")
        and cycles.v1_rows == cycles.migrated + cycles.merged + cycles.left_out
        and (cycles.merged, cycles.left_out) == (DUPLICATES, ORPHANS),
        f"{cycles.migrated:,} + {cycles.merged} + {cycles.left_out} = {cycles.v1_rows:,}",
    )
    assert report.payloads is not None
    unreadable = sum(report.payloads.rejected.values())
    stage.check(
        "every payload that waited is flattened, or rejected with a reason",
        report.payloads.flattened == SIZE.pending_payloads + SIZE.claimed_payloads
        and unreadable == SIZE.failed_payloads,
        f"{report.payloads.flattened} flattened, {unreadable} unreadable",
    )
    return report


def show_silver(stage: Stage, sent: Sent, until: datetime) -> None:
    """What a person sees: cycles with gaps, shifts and business dates, and the verdict."""
    stage.scene(
        "5  What a person sees",
        "Four recorded cycles of a lathe arrived out of order; their gaps are right all the same.",
    )
    with stage.session() as connection:
        run(connection, "SET LOCAL timezone = 'UTC'")
        lathe = _cycles(connection, sent.lathe, 10)
        wrong = _wrong_gaps(connection, until)
    stage.show(
        f"{LATHE} in silver.machine_cycles",
        ("cycle start (UTC)", "cycle end", "#run, s", "#gap, s", "shift", "business date"),
        lathe,
    )
    expected = [(c.gap, c.run_time) for c in sorted(OKUMA_CYCLES, key=lambda c: c.cycle_start)]
    stage.check(
        "the lathe's gaps are –, 249, 181 and 1,389 s",
        [(row[3], row[2]) for row in lathe] == expected,
    )
    detail = f"{wrong} differ" if wrong else ""
    stage.check("each new gap is that to the cycle before it", wrong == 0, detail)
    with stage.session() as connection:
        schedule_jobs(connection, on=True)
    with stage.reading() as connection:
        health = read_health(connection, job_stats_hold=False)
    with stage.session() as connection:
        schedule_jobs(connection, on=False)
    for line in lines(health):
        stage.console.print(line, markup=False)
    stage.check("the pipelines are healthy", health.healthy)


def _cycles(connection: Any, machine: int, limit: int) -> list[Row]:
    rows = query(
        connection,
        "SELECT to_char(cycle_start, 'YYYY-MM-DD HH24:MI:SS'), to_char(cycle_end, 'HH24:MI:SS'),"
        " actual_cycle_time, actual_load_unload, shift_name, logical_date::text"
        " FROM silver.machine_cycles WHERE machine_iot_id = %s ORDER BY cycle_start DESC LIMIT %s",
        machine,
        limit,
    )
    return rows[::-1]


def _wrong_gaps(connection: Any, until: datetime) -> int:
    """Cycles loaded by v2 whose gap is not that to the cycle before, by a plain window."""
    [(wrong,)] = query(
        connection,
        "SELECT count(*) FROM (SELECT c.*, c.cycle_start - lag(c.cycle_end) OVER"
        " (PARTITION BY c.machine_iot_id ORDER BY c.cycle_start) AS gap"
        " FROM silver.machine_cycles AS c) AS c WHERE c.cycle_start >= %s"
        " AND c.actual_load_unload IS DISTINCT FROM"
        " CASE WHEN c.gap IS NOT NULL THEN greatest(round(extract(epoch FROM c.gap)), 0) END",
        until + HOURS_LATER,
    )
    return int(wrong)


def state_of_v2(stage: Stage) -> V2:
    """What has to be there again after the way down and up."""
    with stage.reading() as connection:
        return V2(fingerprint(connection, tables=COMPARED), len(snapshot(connection)))


def downgrade(stage: Stage, v1: V1, v2: V2) -> None:
    """Take v2 back to v1, and compare it with v1 as it was."""
    stage.scene(
        "6  The way back",
        "v1 again: its catalog, its rows to the bit, and what v2 loaded in v1's terms.",
    )
    stage.migrate("downgrade", "0001")
    with stage.reading() as connection:
        # Roles belong to the server: where another database brought them, they are not ours.
        roles = {"role", "role setting"} & {key.kind for key in v1.catalog.objects}
        found = differences(v1.catalog, snapshot(connection), ignore_kinds=roles)
    with stage.session() as connection:
        after = rows_of_v1(connection)
        [(processed,)] = query(
            connection,
            "SELECT count(*) FROM bronze.raw_telemetry WHERE processing_status = 'processed'",
        )
    new = {name: (after[name] - rows).total() for name, rows in v1.rows.items()}
    stage.show(
        "v1 again, where there is something new",
        ("table", "#rows of v1", "#kept", "#new"),
        (
            (name, rows.total(), (rows & after[name]).total(), new[name])
            for name, rows in v1.rows.items()
            if new[name]
        ),
    )
    stage.check(
        "v1's catalog is back, object for object",
        not found,
        render_differences(found) if found else f"{len(v1.catalog)} objects",
    )
    lost: Counter[str] = Counter()
    for name, rows in v1.rows.items():
        lost += rows - after[name]
    stage.check("every row of v1 is there, to the bit", not lost)
    migrated = v1.count("silver.machine_cycles") - DUPLICATES - ORPHANS
    loaded = v2.rows["silver.machine_cycles"].rows - migrated
    cycles = new["silver.machine_cycles"]
    claim = "every cycle that v2 loaded is there in v1's terms"
    stage.check(claim, cycles == loaded, f"{cycles:,} cycles")
    waited = SIZE.pending_payloads + SIZE.claimed_payloads
    stage.check(
        "payloads that v2 loaded are marked processed",
        processed == SIZE.processed_payloads + waited,
    )
    stage.check(
        "a rejected row that was not corrected is a dead letter",
        new["bronze.dead_letter_queue"] == 2,
    )


def upgrade_again(stage: Stage, before: V2) -> None:
    """Up once more: v2 must be what it was."""
    stage.scene("7  Proof", "Up once more: v2 has the same keys and the same rows as before.")
    stage.migrate("upgrade", "head")
    after = state_of_v2(stage)
    changed = fingerprint_differences(before.rows, after.rows)
    stage.check(
        "v2 has the same keys and rows as before, to the bit",
        not changed and after.objects == before.objects,
        "; ".join(difference.render() for difference in changed)
        or f"{sum(table.rows for table in after.rows.values()):,} rows in {len(after.rows)} tables",
    )
