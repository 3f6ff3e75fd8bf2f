"""The whole road on one server, with data: v1, upgrade, load, downgrade, upgrade again.

Each claim that is shown is checked, and the checks are the result. What is shown goes to the
console that the caller gives. The server may have one session: a connection is open only while it
is used.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
from rich.console import Console
from rich.text import Text
from sqlalchemy import make_url

from alembic import command
from setu.catalog import Catalog, differences, render_differences, snapshot
from setu.catalog.fingerprint import RowFingerprint, fingerprint, fingerprint_differences
from setu.chain.repository import alembic_config, repository_root
from setu.db.connection import connected
from setu.ingest.gateway import FeedReport, feed
from setu.ops.health import Health, lines, read_health
from setu.ops.presentation import (
    account_tables,
    rejects_table,
    shown,
    table,
)
from setu.ops.reconciliation import RowReport, read_accounts
from setu.simulate.fleet import (
    V1_TABLES,
    FleetSize,
    GatewayCycle,
    count_rows,
    gateway_cycles,
    last_midnight,
    make_fleet,
    write_gateway_file,
)
from setu.simulate.recorded_cycles import OKUMA_CYCLES

V1, HEAD = "0001", "head"
CYCLES_OF_GATEWAYS = 40
OKUMA_MACHINE = "OKUMA-LATHE"
_SIZE = FleetSize()
_Row = tuple[Any, ...]


@dataclass(frozen=True)
class Check:
    """A claim of the demo, and whether it is so."""

    claim: str
    holds: bool
    detail: str = ""


class Demo:
    """The demo on an empty database.

    :param url: address of a database with the extension and nothing else.
    :param console: where everything is shown.
    """

    def __init__(self, url: str, console: Console) -> None:
        self.url = url
        self.console = console
        self.checks: list[Check] = []
        self._until = last_midnight() - timedelta(days=1)

    def run(self) -> list[Check]:
        """All of it; returns the checks in order. Ends at v2."""
        self._section("v1: a fleet with history")
        self._migrate("upgrade", V1)
        v1_catalog, v1_rows = self._make_v1()

        self._section("Upgrade to v2")
        self._migrate("upgrade", HEAD)
        self._show_accounts(v1_rows)

        self._section("Gateways send cycles")
        with tempfile.TemporaryDirectory() as folder:
            self._feed(Path(folder))
        self._section("The load")
        self._load_first()
        self._section("A rejected row is mended")
        self._mend()

        self._section("Silver and health")
        self._show_silver()
        silver, keys = self._v2_state()

        self._section("Downgrade to v1")
        self._migrate("downgrade", V1)
        self._show_v1_again(v1_catalog, v1_rows, silver)

        self._section("And up again")
        self._migrate("upgrade", HEAD, brief=True)
        self._show_v2_again(silver, keys)
        return self.checks

    # v1 ------------------------------------------------------------------------------------------

    def _make_v1(self) -> tuple[Catalog, dict[str, Counter[str]]]:
        with self._session() as connection:
            make_fleet(connection, _SIZE, until=self._until)
            self._add_oddities(connection)
            connection.commit()
            counts = count_rows(connection)
            [(payload,)] = _query(
                connection,
                "SELECT payload FROM bronze.raw_telemetry WHERE processing_status = 'pending'"
                " ORDER BY ingest_time LIMIT 1",
            )
            cycle = _query(
                connection,
                "SELECT machine_id, company_id, shift_id, to_char(cycle_start, %s),"
                " to_char(cycle_end, 'HH24:MI:SS'), actual_load_unload FROM silver.machine_cycles"
                " WHERE actual_load_unload IS NOT NULL ORDER BY cycle_start DESC LIMIT 2",
                "YYYY-MM-DD HH24:MI:SS",
            )
            rows = self._v1_rows(connection)
        self.console.print(
            table("Rows of v1", ("table", "#rows"), counts.items()),
        )
        self.console.print("[bold]One poll in bronze.raw_telemetry[/]: a JSON document")
        self.console.print(Text(json.dumps(payload, indent=2)), style="dim")
        self.console.print(
            table(
                "Cycles in silver.machine_cycles: text keys, text shifts, no unique key",
                (
                    "machine_id",
                    "company_id",
                    "shift_id",
                    "cycle_start",
                    "cycle_end",
                    "#actual_load_unload",
                ),
                cycle,
            )
        )
        with connected(make_url(self.url).set(drivername="postgresql+psycopg2"), "demo") as opened:
            return snapshot(opened), rows

    def _add_oddities(self, connection: Any) -> None:
        """A lathe without history, five duplicates and three cycles of an unknown machine."""
        begin = self._until - timedelta(days=60)
        _run(
            connection,
            "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id,"
            " created_at) SELECT %s, p.company_id, p.plant_id, 'GW-OKUMA', '9000', %s"
            " FROM master.plants AS p ORDER BY p.plant_id LIMIT 1",
            OKUMA_MACHINE,
            begin,
        )
        _run(
            connection,
            "INSERT INTO silver.machine_cycles (SELECT c.* FROM silver.machine_cycles AS c"
            " ORDER BY c.cycle_start, c.machine_id LIMIT 5)",
        )
        _run(
            connection,
            "INSERT INTO silver.machine_cycles (cycle_start, cycle_end, company_id, machine_id,"
            " shift_id) SELECT %s + n * INTERVAL '1 hour', %s + n * INTERVAL '1 hour 7 minutes',"
            " c.company_id, 'SOLD-IN-SPRING', 'A' FROM generate_series(1, 3) AS n,"
            " (SELECT company_id FROM master.companies ORDER BY 1 LIMIT 1) AS c",
            begin + timedelta(days=40),
            begin + timedelta(days=40),
        )

    def _v1_rows(self, connection: Any) -> dict[str, Counter[str]]:
        """Every row of v1 as text, as often as it is there; what v2 may change in a payload's
        processing is left out, and checked by count."""
        _run(connection, "SET LOCAL timezone = 'UTC'")
        rows: dict[str, Counter[str]] = {}
        for name in V1_TABLES:
            columns = "t.*"
            if name == "bronze.raw_telemetry":
                columns = (
                    "t.ingest_time, t.device_id, t.iot_id, t.payload, t.company_id, t.batch_id"
                )
            rows[name] = Counter(
                row[0]
                for row in _query(connection, f"SELECT ROW({columns})::text FROM {name} AS t")
            )
        connection.rollback()
        return rows

    # v2 ------------------------------------------------------------------------------------------

    def _show_accounts(self, v1_rows: dict[str, Counter[str]]) -> None:
        with self._alchemy() as connection:
            report = read_accounts(connection)
        for made in account_tables(report):
            self.console.print(made)
        self._check_accounts(report, v1_rows)

    def _check_accounts(self, report: RowReport, v1_rows: dict[str, Counter[str]]) -> None:
        [cycles] = [a for a in report.accounts if a.table == "silver.machine_cycles"]
        self._check(
            "every v1 cycle is carried, merged or left out with a reason",
            cycles.v1_rows == v1_rows["silver.machine_cycles"].total()
            and cycles.v1_rows == cycles.migrated + cycles.merged + cycles.left_out
            and (cycles.merged, cycles.left_out) == (5, 3),
            f"{cycles.migrated:,} + {cycles.merged} + {cycles.left_out} = {cycles.v1_rows:,}",
        )
        assert report.payloads is not None
        waited = _SIZE.pending_payloads + _SIZE.claimed_payloads
        self._check(
            "every payload that waited is flattened, or rejected with a reason",
            report.payloads.flattened == waited
            and sum(report.payloads.rejected.values()) == _SIZE.failed_payloads,
            f"{report.payloads.flattened} flattened, "
            f"{sum(report.payloads.rejected.values())} unreadable",
        )

    def _feed(self, folder: Path) -> None:
        with self._session() as connection:
            # The demo runs the job itself; a scheduler must not come between.
            _run(
                connection,
                "SELECT alter_job(j.job_id, scheduled => false)"
                " FROM timescaledb_information.jobs AS j WHERE j.proc_schema = '_etl'"
                " AND EXISTS (SELECT 1 FROM pg_stat_activity AS a"
                " WHERE a.backend_type LIKE 'TimescaleDB%Scheduler')",
            )
            machines = _query(
                connection,
                "SELECT d.device_id, m.iot_id FROM master.machine_info AS m"
                " INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id"
                " WHERE m.machine_id <> %s ORDER BY m.iot_id",
                OKUMA_MACHINE,
            )
            [(self._okuma,)] = _query(
                connection,
                "SELECT iot_id FROM master.machine_info WHERE machine_id = %s",
                OKUMA_MACHINE,
            )
            [(self._missing,)] = _query(
                connection,
                "SELECT last_value + 1 FROM master.machine_info_iot_id_seq",
            )
        files = self._write_files(folder, [(str(d), int(i)) for d, i in machines])
        with self._session() as connection:
            first = feed(connection, files)
            again = feed(connection, files[:1])
        self._show_feed(first, again)

    def _write_files(self, folder: Path, machines: Sequence[tuple[str, int]]) -> list[Path]:
        start = self._until + timedelta(hours=4)
        half = len(machines) // 2
        fleet_a = list(
            gateway_cycles(
                machines[:half], cycles=CYCLES_OF_GATEWAYS, first_start=start, partition=0
            )
        )
        fleet_b = list(
            gateway_cycles(
                machines[half:], cycles=CYCLES_OF_GATEWAYS, first_start=start, partition=1, seed=2
            )
        )
        okuma = [
            GatewayCycle(
                2,
                n,
                "GW-OKUMA",
                self._okuma,
                cycle.cycle_start.isoformat(),
                cycle.cycle_end.isoformat(),
                "O2000",
            )
            for n, cycle in enumerate(OKUMA_CYCLES)
        ]
        sample = fleet_b[0]
        last = fleet_b[-1].kafka_offset or 0
        new = replace(sample, device_id="GW-NEW", machine_iot_id=self._missing)
        odd = [
            replace(sample, kafka_offset=last + 1),  # sent twice
            replace(new, kafka_offset=last + 2),  # a machine that nobody has registered
            replace(sample, kafka_offset=last + 3, cycle_start=None),
            replace(
                sample,
                kafka_offset=last + 4,
                cycle_start=sample.cycle_end,
                cycle_end=sample.cycle_start,
            ),
            replace(sample, kafka_offset=last + 5, cycle_start="yesterday"),
        ]
        files = [folder / "line-a.sqlite", folder / "line-b.sqlite", folder / "okuma.sqlite"]
        for path, rows in zip(files, (fleet_a, [*fleet_b, *odd], okuma), strict=True):
            write_gateway_file(path, rows)
        self._good = len(fleet_a) + len(fleet_b) + len(okuma)
        return files

    def _show_feed(self, first: FeedReport, again: FeedReport) -> None:
        self.console.print(
            f"{first.read:,} rows in three SQLite files: {first.stored:,} stored in bronze, "
            f"{len(first.rejections)} set aside; the first file once more: "
            f"{again.already_stored:,} stored before, {again.stored} stored"
        )
        for rejection in first.rejections:
            self.console.print(
                Text(
                    f"set aside: row {rejection.row_no}: {rejection.column} {rejection.value}: "
                    f"{rejection.reason}",
                    style="dim",
                )
            )
        self._check(
            "bronze takes what is readable, once, however often a file is fed",
            first.stored == self._good + 4 and len(first.rejections) == 1 and again.stored == 0,
        )

    def _load_first(self) -> None:
        before = self._health()
        self._run_jobs()
        after = self._health()
        [old] = [p for p in before.pipelines if p.name == "machine_cycles"]
        [new] = [p for p in after.pipelines if p.name == "machine_cycles"]
        self.console.print(
            f"lag before: {old.rows_behind:,} ids; after: {new.rows_behind:,}. "
            f"Read {new.rows_read:,} = loaded {new.rows_loaded:,} + merged {new.rows_merged} "
            f"+ rejected {new.rows_rejected}, in {shown(new.run_seconds)} s"
        )
        self.console.print(rejects_table(after))
        waited = _SIZE.pending_payloads + _SIZE.claimed_payloads
        self._check(
            "every bronze row is loaded, merged or rejected",
            new.rows_read == self._good + 4 + waited
            and new.rows_read == new.rows_loaded + new.rows_merged + new.rows_rejected
            and new.rows_behind == 0,
            f"{new.rows_read:,} rows",
        )
        self._check(
            "the duplicate merged, the three bad rows have a reason",
            (new.rows_merged, new.rows_rejected) == (1, 3),
        )

    def _mend(self) -> None:
        with self._session() as connection:
            [(device,)] = _query(
                connection,
                "INSERT INTO master.device_info (device_id, is_assigned) VALUES ('GW-NEW', true)"
                " RETURNING device_iot_id",
            )
            [(machine, company)] = _query(
                connection,
                "INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id,"
                " source_iot_id) SELECT 'CNC-NEW', c.iot_id, %s, '9001' FROM master.companies AS c"
                " ORDER BY c.iot_id LIMIT 1 RETURNING iot_id, company_iot_id",
                device,
            )
            _run(
                connection,
                "INSERT INTO master.plant_machine_mapping"
                " (company_iot_id, plant_iot_id, machine_iot_id)"
                " SELECT %s, p.iot_id, %s FROM master.plants AS p WHERE p.company_iot_id = %s"
                " ORDER BY p.iot_id LIMIT 1",
                company,
                machine,
                company,
            )
            [(resent,)] = _query(
                connection, "CALL _etl.sp_resend_rejected('machine_cycles', 'unknown_machine')"
            )
            connection.commit()
        self._run_jobs()
        with self._session() as connection:
            [(cycles,)] = _query(
                connection,
                "SELECT count(*) FROM silver.machine_cycles WHERE machine_iot_id = %s",
                machine,
            )
        self.console.print(
            f"machine CNC-NEW registered under key {machine}, {resent} rejected row sent again: "
            f"{cycles} cycle in silver"
        )
        self._check(
            "a rejected row goes through once its machine is known",
            (machine, resent, cycles) == (self._missing, 1, 1),
        )

    def _show_silver(self) -> None:
        with self._session() as connection:
            _run(connection, "SET LOCAL timezone = 'UTC'")
            lathe = self._cycles(connection, self._okuma, 10)
            [(busy,)] = _query(
                connection,
                "SELECT min(machine_iot_id) FROM silver.latest_cycle_state"
                " WHERE machine_iot_id <> %s",
                self._okuma,
            )
            recent = self._cycles(connection, busy, 5)
            wrong = self._wrong_gaps(connection)
        columns = (
            "cycle start (UTC)",
            "cycle end",
            "#run, s",
            "#gap before, s",
            "shift",
            "business date",
        )
        self.console.print(
            table(f"{OKUMA_MACHINE}: four recorded cycles, which came out of order", columns, lathe)
        )
        self.console.print(table("The last cycles of another machine", columns, recent))
        expected = [
            (cycle.gap, cycle.run_time)
            for cycle in sorted(OKUMA_CYCLES, key=lambda c: c.cycle_start)
        ]
        self._check(
            "the lathe's gaps are –, 249, 181 and 1,389 s",
            [(row[3], row[2]) for row in lathe] == expected,
        )
        self._check(
            "each new gap is that to the cycle before it",
            wrong == 0,
            f"{wrong} differ" if wrong else "",
        )
        health = self._health()
        for line in lines(health):
            self.console.print(line, markup=False)
        self._check("the pipeline is healthy", health.healthy)

    def _cycles(self, connection: Any, machine: int, limit: int) -> list[_Row]:
        rows = _query(
            connection,
            "SELECT to_char(cycle_start, 'YYYY-MM-DD HH24:MI:SS'),"
            " to_char(cycle_end, 'HH24:MI:SS'), actual_cycle_time, actual_load_unload, shift_name,"
            " logical_date::text"
            " FROM silver.machine_cycles WHERE machine_iot_id = %s"
            " ORDER BY cycle_start DESC LIMIT %s",
            machine,
            limit,
        )
        return rows[::-1]

    def _wrong_gaps(self, connection: Any) -> int:
        """Cycles loaded by v2 whose gap is not that to the cycle before, by a plain window."""
        [(wrong,)] = _query(
            connection,
            "SELECT count(*) FROM (SELECT c.*, c.cycle_start - lag(c.cycle_end) OVER"
            " (PARTITION BY c.machine_iot_id ORDER BY c.cycle_start) AS gap"
            " FROM silver.machine_cycles AS c) AS c WHERE c.cycle_start >= %s"
            " AND c.actual_load_unload IS DISTINCT FROM"
            " CASE WHEN c.gap IS NOT NULL THEN greatest(round(extract(epoch FROM c.gap)), 0) END",
            self._until + timedelta(hours=4),
        )
        return int(wrong)

    def _v2_state(self) -> tuple[dict[str, RowFingerprint], int]:
        # The state cache is worked out from silver again, so when it was written may differ.
        tables = [
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
        with self._alchemy() as connection:
            prints = fingerprint(connection, tables=tables)
            snapshot_size = len(snapshot(connection))
        return prints, snapshot_size

    # and back ------------------------------------------------------------------------------------

    def _show_v1_again(
        self,
        catalog: Catalog,
        before: dict[str, Counter[str]],
        silver: dict[str, RowFingerprint],
    ) -> None:
        with self._alchemy() as connection:
            # Roles belong to the server: where another database brought them, they are not ours.
            roles = {"role", "role setting"} & {key.kind for key in catalog.objects}
            found = differences(catalog, snapshot(connection), ignore_kinds=roles)
        with self._session() as connection:
            after = self._v1_rows(connection)
            [(processed,)] = _query(
                connection,
                "SELECT count(*) FROM bronze.raw_telemetry WHERE processing_status = 'processed'",
            )
        self.console.print(
            table(
                "v1 again",
                ("table", "#rows of v1", "#still there, to the bit", "#new, from v2"),
                (
                    (name, rows.total(), (rows & after[name]).total(), (after[name] - rows).total())
                    for name, rows in before.items()
                ),
            )
        )
        self._check(
            "v1's catalog is back, object for object",
            not found,
            render_differences(found) if found else f"{len(catalog)} objects",
        )
        self._check(
            "every row of v1 is there, to the bit",
            all(not rows - after[name] for name, rows in before.items()),
        )
        new = (after["silver.machine_cycles"] - before["silver.machine_cycles"]).total()
        carried = before["silver.machine_cycles"].total() - 5 - 3
        loaded = silver["silver.machine_cycles"].rows - carried
        self._check(
            "every cycle that v2 loaded is there in v1's terms", new == loaded, f"{new:,} cycles"
        )
        waited = _SIZE.pending_payloads + _SIZE.claimed_payloads
        self._check(
            "payloads that v2 loaded are marked processed",
            processed == _SIZE.processed_payloads + waited,
        )
        self._check(
            "what v2 rejected and nobody mended is a dead letter",
            (after["bronze.dead_letter_queue"] - before["bronze.dead_letter_queue"]).total() == 2,
        )

    def _show_v2_again(self, before: dict[str, RowFingerprint], objects: int) -> None:
        after, again = self._v2_state()
        changed = fingerprint_differences(before, after)
        self._check(
            "v2 has the same keys and rows as before, to the bit",
            not changed and again == objects,
            "; ".join(difference.render() for difference in changed)
            or f"{sum(print_.rows for print_ in after.values()):,} rows in {len(after)} tables",
        )

    # means ---------------------------------------------------------------------------------------

    def _run_jobs(self) -> None:
        """All ten loads, as the scheduler runs them; without jobs, the procedures themselves."""
        with self._session() as connection:
            connection.autocommit = True
            for pipeline, job in _query(
                connection,
                "SELECT w.pipeline, j.job_id FROM _etl.watermarks AS w"
                " LEFT JOIN timescaledb_information.jobs AS j"
                " ON j.proc_schema = '_etl' AND j.proc_name = 'sp_load_' || w.pipeline"
                " ORDER BY w.pipeline",
            ):
                if job is not None:
                    _run(connection, "CALL run_job(%s)", job)
                else:
                    _run(connection, f"CALL _etl.sp_load_{pipeline}(NULL, '{{}}')")

    def _health(self) -> Health:
        with self._alchemy() as connection:
            return read_health(connection, job_stats_hold=False)

    def _migrate(self, direction: str, revision: str, *, brief: bool = False) -> None:
        config = alembic_config(repository_root())
        config.cmd_opts = Namespace(x=["accept_known_bad_pair=yes"], raiseerr=True)
        started = time.monotonic()
        with _environment("DATABASE_URL", self.url), _progress(self.console, brief):
            getattr(command, direction)(config, revision)
        self.console.print(f"[dim]{direction} to {revision}: {time.monotonic() - started:.1f} s[/]")

    def _section(self, title: str) -> None:
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left")

    def _check(self, claim: str, holds: bool, detail: str = "") -> None:
        self.checks.append(Check(claim, holds, detail))
        line = Text("✓ " if holds else "✗ ", style="bold green" if holds else "bold red")
        line.append(claim, style="default")
        if detail:
            line.append(f" ({detail})", style="dim")
        self.console.print(line)

    @contextmanager
    def _session(self) -> Iterator[psycopg2.extensions.connection]:
        connection = psycopg2.connect(self.url)
        try:
            yield connection
            connection.commit()
        finally:
            connection.close()

    @contextmanager
    def _alchemy(self) -> Iterator[Any]:
        address = make_url(self.url).set(drivername="postgresql+psycopg2")
        with connected(address, "demo") as connection:
            yield connection


class _ProgressHandler(logging.Handler):
    """Shows the runner's messages as a line for each step that is done."""

    def __init__(self, console: Console, status: Any, brief: bool) -> None:
        super().__init__(logging.INFO)
        self._brief = brief
        self._console = console
        self._status = status
        self._what = ""

    def emit(self, record: logging.LogRecord) -> None:
        """One message."""
        message = record.getMessage()
        head, _, rest = message.partition(": ")
        if record.levelno >= logging.WARNING:
            if not self._brief:
                self._console.print(Text(message, style="yellow"))
        elif message.endswith(" …"):
            self._what = rest.removesuffix(" …")
            self._status.update(Text(f"{head}: {self._what}"))
        elif rest.startswith("done in ") and not self._brief:
            took = rest.removeprefix("done in ").split(" (")[0]
            revision = head.split(" ")[0]
            line = Text(f"  {revision} ", style="bold")
            line.append(self._what, style="default")
            line.append(f"  {took}", style="dim")
            self._console.print(line, overflow="ellipsis", no_wrap=True)
        elif rest.startswith("NOTICE:"):
            self._status.update(Text(rest.removeprefix("NOTICE:").strip()))


@contextmanager
def _progress(console: Console, brief: bool) -> Iterator[None]:
    logger = logging.getLogger("setu")
    root = logging.getLogger()
    level, propagate = logger.level, logger.propagate
    # env.py configures logging only where nobody has.
    quiet = logging.NullHandler()
    root.addHandler(quiet)
    with console.status("…") as status:
        handler = _ProgressHandler(console, status, brief)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
            root.removeHandler(quiet)


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def _query(connection: Any, statement: str, *parameters: object) -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        rows: list[_Row] = cursor.fetchall()
        return rows


def _run(connection: Any, statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
