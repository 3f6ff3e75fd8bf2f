"""Everyday changes after a release, each as a newcomer would write it by hand: CONTRIBUTING.md.

Each change edits a scratch copy of the repository: files of ``schema_new/``, and one revision. The
files that it edits by hand are counted.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from alembic import command
from setu.catalog.fingerprint import RowFingerprint, fingerprint_differences
from setu.chain.environment import COMMAND
from setu.chain.repository import alembic_config, steps_to
from setu.chain.scaffold import OPEN
from setu.chain.step import Step
from setu.simulate.fleet_size import FleetSize
from tests.chain import COMPUTED, Chain
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.v1 import ROOT

Rows = dict[str, RowFingerprint]
FLEET = FleetSize(companies=1, plants=1, machines=2, days=20, cycles_per_machine_day=4)
COPIED = ("alembic", "schema", "schema_new", "sql")


@dataclass
class Copy:
    """A scratch copy of the repository; ``edited`` are the files edited by hand since last time."""

    root: Path
    edited: set[str] = field(default_factory=set)

    @classmethod
    def of_this(cls, root: Path) -> Copy:
        """Copy this repository's chain into an empty folder."""
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("alembic.ini", ".squawk.toml"):
            shutil.copy(ROOT / name, root)
        return cls(root)

    def text(self, path: str) -> str:
        """The text of a file."""
        return (self.root / path).read_text(encoding="utf-8")

    def edit(self, path: str, *replacements: tuple[str, str]) -> None:
        """Replace text that stands once in a file."""
        text = self.text(path)
        for old, new in replacements:
            assert text.count(old) == 1, f"{path}: {text.count(old)} times {old!r}"
            text = text.replace(old, new)
        self.write(path, text)

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        (self.root / path).write_text(text, encoding="utf-8")
        self.edited.add(path)

    def remove(self, path: str) -> None:
        """Delete a file."""
        (self.root / path).unlink()
        self.edited.add(path)

    def revision(self, message: str, up: str, down: str, verify: str = "", **header: str) -> Step:
        """``setu revision MESSAGE``, then up.sql and down.sql, and verify.sql where it must be."""
        config = alembic_config(self.root)
        config.attributes[COMMAND] = command.revision
        command.revision(config, message)
        step = steps_to(self.root)[-1]
        self._fill(step, "up", up, header)
        self._fill(step, "down", down, header)
        if verify:
            self._fill(step, "verify", verify, {})
        return step

    def _fill(self, step: Step, part: str, sql: str, header: dict[str, str]) -> None:
        path = f"sql/{step.name}/{part}.sql"
        lines = [line for line in self.text(path).splitlines() if line.startswith("-- ")]
        kept = [
            re.sub(rf"{OPEN}:.*", "nothing that anybody waits for", line)
            for line in lines
            if not line.startswith((f"-- {OPEN}", "-- -- ", "-- A column", "-- @expect"))
        ]
        text = "\n".join(kept)
        for key, value in header.items():
            named, _, where = key.partition("_in_")
            if where and where != part:
                continue
            if f"-- {named}:" in text:
                text = re.sub(rf"-- {named}: .*", f"-- {named}: {value}", text)
            else:
                text += f"\n-- {named}: {value}"
        self.write(path, f"{text}\n\n{sql.strip()}\n")


def column_from_gateway_to_gold(copy: Copy) -> None:
    """A column of the gateways' stops, through bronze, silver and its load, to a dashboard."""
    copy.edit(
        "schema_new/bronze/Source Templates/raw_machine_downtime.sqlite.sql",
        ("    down_threshold INTEGER\n", "    down_threshold INTEGER,\n    operator_id TEXT\n"),
    )
    copy.edit(
        "schema_new/bronze/Tables/raw_machine_downtime.sql",
        ("    down_threshold bigint\n", "    down_threshold bigint,\n    operator_id text\n"),
        ("down_id, down_threshold\n)", "down_id, down_threshold, operator_id\n)"),
    )
    copy.edit(
        "schema_new/silver/Tables/machine_downtime.sql",
        (
            "DEFAULT clock_timestamp(),\n    CONSTRAINT",
            "DEFAULT clock_timestamp(),\n    operator_id text,\n    CONSTRAINT",
        ),
    )
    transform = "schema_new/_etl/Views/v_transform_machine_downtime.sql"
    before = copy.text(transform)
    copy.edit(transform, ("AS down_threshold,\n", "AS down_threshold,\n    r.operator_id,\n"))
    aggregate = "schema_new/gold/Continuous Aggregates/hourly_downtime_stats.sql"
    aggregate_before = copy.text(aggregate)
    copy.edit(
        aggregate,
        (
            "AS downtime_count,\n",
            "AS downtime_count,\n    count(d.operator_id) AS attended_count,\n",
        ),
    )
    view = "schema_new/gold/Views/v_downtime_dashboard.sql"
    view_before = copy.text(view)
    copy.edit(view, ("    a.downtime_count,\n", "    a.downtime_count,\n    a.attended_count,\n"))
    drop = """\
DROP VIEW gold.v_downtime_dashboard;
DROP MATERIALIZED VIEW gold.hourly_downtime_stats;
DROP VIEW _etl.v_transform_machine_downtime;
"""
    drop = "-- @community\n" + drop.replace("DROP MAT", "-- @community\nDROP MAT")
    keep = "SELECT _etl.fn_keep_column('{}', 'operator_id', {});\n"
    tables = {
        "bronze.raw_machine_downtime": "'id'",
        "silver.machine_downtime": "'machine_iot_id', 'down_start'",
    }
    up = f"""
{drop}
ALTER TABLE bronze.raw_machine_downtime ADD COLUMN operator_id text;
SELECT _etl.fn_grant_insert(
    'bronze.raw_machine_downtime', 'operator_id', 'setu_ingest', 'setu_etl'
);
ALTER TABLE silver.machine_downtime ADD COLUMN operator_id text;
"""
    for table, key in tables.items():
        up += keep.format(table, key).replace("fn_keep", "fn_restore")
    up += "".join(f"-- @include {file}\n" for file in (transform, aggregate, view))
    down = drop
    for table, key in tables.items():
        down += keep.format(table, key) + f"ALTER TABLE {table} DROP COLUMN operator_id;\n"
    down += "\n".join(without_marks(text) for text in (before, aggregate_before, view_before))
    copy.revision(
        "add the operator of a stop",
        up,
        down,
        loses_in_up="hours of the aggregate that silver no longer has",
        loses_in_down="those hours, too; fn_keep_column keeps the values of the columns",
    )


def changed_load_function(copy: Copy) -> None:
    """A setting of the function that loads a batch."""
    path = "schema_new/_etl/Functions/fn_load_rows.sql"
    before = copy.text(path)
    copy.edit(path, ("SET jit = off\n", "SET jit = off\nSET work_mem = '64MB'\n"))
    drop = "DROP FUNCTION _etl.fn_load_rows(text, bigint, bigint, timestamptz, integer);\n"
    copy.revision("give a batch memory", f"{drop}-- @include {path}\n", f"{drop}\n{before}")


def one_job_more(copy: Copy) -> None:
    """A job with the procedure that it runs."""
    path = "schema_new/_etl/Stored Procedures/sp_rebuild_cycle_state.sql"
    copy.write(
        path,
        """\
-- New: the cache is compared with silver every night.
CREATE PROCEDURE _etl.sp_rebuild_cycle_state(job_id integer, config jsonb)
LANGUAGE plpgsql SECURITY INVOKER
SET search_path = pg_catalog, pg_temp
AS $procedure$
BEGIN
    RAISE NOTICE 'job % corrected % machines', job_id, silver.fn_rebuild_cycle_state();
END
$procedure$;

REVOKE ALL ON PROCEDURE _etl.sp_rebuild_cycle_state(integer, jsonb) FROM PUBLIC;
""",
    )
    copy.write(
        "schema_new/_etl/jobs.sql",
        copy.text("schema_new/_etl/jobs.sql")
        + """
-- @section rebuild_cycle_state
-- @community
SELECT add_job(
    proc => '_etl.sp_rebuild_cycle_state',
    schedule_interval => INTERVAL '1 day',
    initial_start => date_trunc('day', clock_timestamp()) + INTERVAL '1 day 4 hours',
    fixed_schedule => true
);
""",
    )
    copy.revision(
        "compare the cache every night",
        f"-- @include {path}\n-- @include schema_new/_etl/jobs.sql#rebuild_cycle_state\n",
        """
-- @community
SELECT delete_job(j.job_id)
FROM timescaledb_information.jobs AS j
WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_rebuild_cycle_state';
DROP PROCEDURE _etl.sp_rebuild_cycle_state(integer, jsonb);
""",
    )


def eleventh_fact(copy: Copy) -> None:
    """A fact with everything: template, bronze, silver, transform, entry point, watermark, job."""
    old, new = "machine_am_status", "machine_vibration"
    files = [
        "schema_new/bronze/Source Templates/raw_{}.sqlite.sql",
        "schema_new/bronze/Tables/raw_{}.sql",
        "schema_new/silver/Tables/{}.sql",
        "schema_new/_etl/Views/v_transform_{}.sql",
    ]
    for file in files:
        copy.write(file.format(new), copy.text(file.format(old)).replace(old, new))
    load = "schema_new/_etl/Stored Procedures/sp_load.sql"
    text = copy.text(load)
    procedure = re.search(
        rf"CREATE PROCEDURE _etl\.sp_load_{old}.*?;\nCOMMENT.*?;\n", text, re.DOTALL
    )
    assert procedure is not None
    added = procedure[0].replace(old, new)
    last = f"    _etl.sp_load_{old}(integer, jsonb)\n"
    text = text.replace(last, f"{last.rstrip()},\n{last.replace(old, new)}")
    copy.write(load, text.replace(procedure[0], f"{procedure[0]}\n{added}"))
    copy.edit(
        "schema_new/_etl/Tables/watermarks.sql", (f"    '{old}'\n", f"    '{old}',\n    '{new}'\n")
    )
    copy.edit(
        "schema_new/_etl/jobs.sql",
        (f"    ('{old}', 9)\n", f"    ('{old}', 9),\n    ('{new}', 10)\n"),
    )
    bronze, silver, transform = (file.format(new) for file in files[1:])
    up = f"""
-- @include {bronze}
-- @include {silver}
SELECT _archive.restore_in_place('bronze', 'raw_{new}');
SELECT _archive.restore_in_place('silver', '{new}');

-- @include {transform}
{added}
REVOKE ALL ON PROCEDURE _etl.sp_load_{new}(integer, jsonb) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE _etl.sp_load_{new}(integer, jsonb) TO setu_etl;

INSERT INTO _etl.watermarks (pipeline, source_table, target_table, batch_size)
VALUES (
    '{new}', 'bronze.raw_{new}', 'silver.{new}', current_setting('setu.batch_size')::integer
);
DO $restore$
BEGIN
    IF to_regclass('_archive.kept_watermark_{new}') IS NOT NULL THEN
        UPDATE _etl.watermarks AS w
        SET last_processed_id = k.last_processed_id,
            last_processed_ts = k.last_processed_ts,
            batch_size = k.batch_size,
            enabled = k.enabled,
            updated_at = k.updated_at
        FROM _archive.kept_watermark_{new} AS k
        WHERE w.pipeline = '{new}';
        DROP TABLE _archive.kept_watermark_{new};
    END IF;
END
$restore$;

-- @community
SET LOCAL ROLE setu_etl;
-- @community
SELECT alter_job(
    job_id => add_job(
        proc => '_etl.sp_load_{new}',
        schedule_interval => current_setting('setu.job_schedule')::interval,
        config => jsonb_build_object(
            'max_runtime', current_setting('setu.job_max_runtime'),
            'late_window', current_setting('setu.late_window')
        ),
        initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '2 minutes',
        fixed_schedule => true
    ),
    max_runtime => current_setting('setu.job_max_runtime')::interval + INTERVAL '5 minutes',
    max_retries => -1,
    retry_period => current_setting('setu.job_schedule')::interval
);
-- @community
RESET ROLE;
"""
    down = f"""
-- @community
SELECT delete_job(j.job_id)
FROM timescaledb_information.jobs AS j
WHERE j.proc_schema = '_etl' AND j.proc_name = 'sp_load_{new}';
DROP PROCEDURE _etl.sp_load_{new}(integer, jsonb);
DROP VIEW _etl.v_transform_{new};

CREATE TABLE _archive.kept_watermark_{new} AS
SELECT w.last_processed_id, w.last_processed_ts, w.batch_size, w.enabled, w.updated_at
FROM _etl.watermarks AS w
WHERE w.pipeline = '{new}';
DELETE FROM _etl.fence_readings WHERE pipeline = '{new}';
DELETE FROM _etl.watermarks WHERE pipeline = '{new}';

SELECT _archive.archive_table('bronze.raw_{new}', 'v2_raw_{new}');
SELECT _archive.archive_table('silver.{new}', 'v2_{new}');
"""
    copy.revision("load what machines vibrate", up, down)


def index_on_a_filled_hypertable(copy: Copy) -> None:
    """An index, chunk by chunk, outside a transaction: sinks go on."""
    path = "schema_new/silver/Tables/machine_cycles.sql"
    index = "machine_cycles_program_no_idx"
    columns = "silver.machine_cycles (program_no, cycle_start DESC)"
    first = (
        "CREATE INDEX machine_cycles_cycle_start_idx ON silver.machine_cycles (cycle_start DESC);\n"
    )
    copy.edit(path, (first, f"{first}CREATE INDEX {index} ON {columns};\n"))
    copy.revision(
        "find cycles by program",
        f"""
DROP INDEX IF EXISTS silver.{index};
CREATE INDEX {index} ON {columns} WITH (timescaledb.transaction_per_chunk);
""",
        f"DROP INDEX IF EXISTS silver.{index};",
        transaction="no (each chunk commits; run again, it begins anew)",
    )


def column_dropped(copy: Copy) -> None:
    """A column, the last one of its table, whose values are kept for the way back."""
    path = "schema_new/master/Tables/production_targets.sql"
    says = "COMMENT ON COLUMN master.production_targets.created_at IS 'When the row was added';\n"
    copy.edit(path, ("    created_at timestamptz DEFAULT now(),\n", ""), (says, ""))
    column = "'master.production_targets', 'created_at', 'target_id'"
    copy.revision(
        "drop when a target was set",
        f"""
SELECT _etl.fn_keep_column({column});
ALTER TABLE master.production_targets DROP COLUMN created_at;
""",
        f"""
ALTER TABLE master.production_targets ADD COLUMN created_at timestamptz DEFAULT now();
{says}SELECT _etl.fn_restore_column({column});
""",
        loses_in_up="nothing: fn_keep_column keeps the values in _archive",
    )


def view_dropped(copy: Copy) -> None:
    """A view; its text stands in down.sql."""
    path = "schema_new/_etl/Views/v_compression_ratios.sql"
    before = copy.text(path)
    copy.remove(path)
    copy.revision(
        "drop a view that nobody reads",
        "-- @community\nDROP VIEW _etl.v_compression_ratios;",
        before,
    )


def without_marks(text: str) -> str:
    """The text of a file of ``schema_new/`` without its section marks."""
    return "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith("-- @section")
    )


CHANGES: tuple[Callable[[Copy], None], ...] = (
    column_from_gateway_to_gold,
    changed_load_function,
    one_job_more,
    eleventh_fact,
    index_on_a_filled_hypertable,
    column_dropped,
    view_dropped,
)


def at_the_release_with_data(chain: Chain) -> None:
    """v1 with a fleet, upgraded, with rows in bronze and compressed chunks, one of them in part."""
    chain.upgrade("0001")
    chain.fill(FLEET, until=LAST_MIDNIGHT - timedelta(days=1))
    chain.upgrade()
    chain.run(
        "INSERT INTO bronze.raw_machine_downtime (time, device_id, machine_iot_id, down_start)"
        " SELECT now() - n * INTERVAL '1 day', 'GW', 1, now() - n * INTERVAL '1 day'"
        " FROM generate_series(0, 12) AS n",
        "UPDATE master.production_targets SET created_at = '2026-01-02 03:04:05+00'",
    )
    if chain.community:
        chain.run(
            *(
                f"SELECT compress_chunk(c) FROM show_chunks('{table}',"
                " older_than => INTERVAL '9 days') AS c"
                for table in ("bronze.raw_machine_downtime", "silver.machine_cycles")
            ),
            "INSERT INTO silver.machine_cycles"
            " (logical_date, company_iot_id, machine_iot_id, shift_id, cycle_start, program_no)"
            " SELECT c.logical_date, c.company_iot_id, c.machine_iot_id, c.shift_id,"
            " c.cycle_start + INTERVAL '1 second', 'P-LATE' FROM silver.machine_cycles AS c"
            " ORDER BY c.cycle_start LIMIT 1",
        )
        assert chain.value(
            "SELECT count(*) FROM timescaledb_information.chunks"
            " WHERE hypertable_name = 'machine_cycles' AND is_compressed"
        )


def fill(name: str, chain: Chain) -> None:
    """Values that only the change can hold."""
    if name == "column_from_gateway_to_gold":
        chain.run(
            "UPDATE bronze.raw_machine_downtime SET operator_id = 'O-' || id WHERE id % 2 = 0",
            "UPDATE silver.machine_downtime SET operator_id = 'O-7' WHERE down_id IS NOT NULL",
        )
    elif name == "eleventh_fact":
        chain.run(
            "INSERT INTO bronze.raw_machine_vibration"
            " (device_id, machine_iot_id, event_time, status)"
            " SELECT 'GW', 1, now() - n * INTERVAL '1 hour', 'ok' FROM generate_series(1, 5) AS n",
            "UPDATE _etl.watermarks SET batch_size = 7 WHERE pipeline = 'machine_vibration'",
        )


def same_rows(expected: Rows, actual: Rows) -> None:
    # What is computed from silver may be computed again.
    expected, actual = (
        {name: row for name, row in rows.items() if name not in COMPUTED}
        for rows in (expected, actual)
    )
    found = [d.render() for d in fingerprint_differences(expected, actual)]
    assert not found, found
