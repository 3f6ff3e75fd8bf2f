"""A minute of the fleet: three gateway files with good rows and bad ones, fed and loaded."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from setu.demo.stage import Stage, query, run
from setu.demo.v1 import LATHE, SIZE
from setu.ingest.gateway import feed
from setu.ops.health import Health, Pipeline, read_health
from setu.simulate.gateway_files import GatewayCycle, gateway_cycles, write_gateway_file
from setu.simulate.recorded_cycles import OKUMA_CYCLES

CYCLES_A_MACHINE = 40
#: A repeated row, one of an unknown machine, one without a start, one that ends before it starts.
ODD_ROWS = 4
HOURS_LATER = timedelta(hours=4)


@dataclass(frozen=True)
class Sent:
    """What the gateways sent: good rows, and the keys of the lathe and of a machine to come."""

    good: int
    lathe: int
    missing: int


def feed_gateways(stage: Stage, until: datetime) -> Sent:
    """Write three gateway files and feed them into bronze, one of them twice."""
    stage.scene(
        "3  Gateways send cycles",
        "SQLite files of gateways go into flat bronze tables: no JSON, no master data, no shifts.",
    )
    with stage.session() as connection:
        machines, sent = _machines(connection)
    with tempfile.TemporaryDirectory() as folder:
        files, good = _write_files(Path(folder), machines, sent, until + HOURS_LATER)
        with stage.session() as connection:
            first = feed(connection, files)
            again = feed(connection, files[:1])
    stage.console.print(
        f"{first.read:,} rows in three files: {first.stored:,} stored in bronze, "
        f"{len(first.rejections)} rejected; the first file once more: {again.stored} stored"
    )
    stage.check(
        "bronze takes what is readable, once, however often a file is fed",
        first.stored == good + ODD_ROWS and len(first.rejections) == 1 and again.stored == 0,
    )
    return replace(sent, good=good)


def load(stage: Stage, sent: Sent) -> None:
    """Run the loads, and show what became of the rows."""
    stage.scene(
        "4  The load",
        "Sweeps of ids take bronze into silver: machine, shift and business date, gaps by LAG.",
    )
    stage.run_loads()
    after = _cycles_pipeline(_health(stage))
    stage.console.print(
        f"read {after.rows_read:,} = loaded {after.rows_loaded:,} + merged {after.rows_merged} "
        f"+ rejected {after.rows_rejected}"
    )
    waited = SIZE.pending_payloads + SIZE.claimed_payloads
    stage.check(
        "every bronze row is loaded, merged or rejected",
        after.rows_read == sent.good + ODD_ROWS + waited
        and after.rows_read == after.rows_loaded + after.rows_merged + after.rows_rejected
        and after.rows_behind == 0,
        f"{after.rows_read:,} rows",
    )
    stage.check(
        "the repeated row merged, the three bad rows have a reason",
        (after.rows_merged, after.rows_rejected) == (1, 3),
    )
    _register_and_resend(stage, sent)


def _register_and_resend(stage: Stage, sent: Sent) -> None:
    """Register the machine that was unknown, and send its rejected row through again."""
    with stage.session() as connection:
        machine = _register(connection)
        [(resent,)] = query(
            connection, "CALL _etl.sp_resend_rejected('machine_cycles', 'unknown_machine')"
        )
        connection.commit()
    stage.run_loads()
    with stage.session() as connection:
        [(cycles,)] = query(
            connection,
            "SELECT count(*) FROM silver.machine_cycles WHERE machine_iot_id = %s",
            machine,
        )
    stage.check(
        "a rejected row goes through once its machine is registered",
        (machine, resent, cycles) == (sent.missing, 1, 1),
    )


def schedule_jobs(connection: Any, *, on: bool) -> None:
    """Let the server's scheduler, where there is one, run the jobs of the loads, or not."""
    run(
        connection,
        "SELECT alter_job(j.job_id, scheduled => %s)"
        " FROM timescaledb_information.jobs AS j WHERE j.proc_schema = '_etl'"
        " AND EXISTS (SELECT 1 FROM pg_stat_activity AS a"
        " WHERE a.backend_type LIKE 'TimescaleDB%%Scheduler')",
        on,
    )


def _machines(connection: Any) -> tuple[list[tuple[str, int]], Sent]:
    # The demo runs the jobs itself; a scheduler must not come between.
    schedule_jobs(connection, on=False)
    machines = query(
        connection,
        "SELECT d.device_id, m.iot_id FROM master.machine_info AS m"
        " INNER JOIN master.device_info AS d ON d.device_iot_id = m.device_iot_id"
        " WHERE m.machine_id <> %s ORDER BY m.iot_id",
        LATHE,
    )
    [(lathe,)] = query(
        connection, "SELECT iot_id FROM master.machine_info WHERE machine_id = %s", LATHE
    )
    [(missing,)] = query(connection, "SELECT last_value + 1 FROM master.machine_info_iot_id_seq")
    return [(str(device), int(key)) for device, key in machines], Sent(0, lathe, missing)


def _write_files(
    folder: Path, machines: Sequence[tuple[str, int]], sent: Sent, start: datetime
) -> tuple[list[Path], int]:
    """Three gateway files; how many of their rows are good and sent once."""
    half = len(machines) // 2
    lines = [
        list(
            gateway_cycles(
                part, cycles=CYCLES_A_MACHINE, first_start=start, partition=number, seed=number + 1
            )
        )
        for number, part in enumerate((machines[:half], machines[half:]))
    ]
    okuma = [
        GatewayCycle(
            2,
            number,
            "GW-OKUMA",
            sent.lathe,
            cycle.cycle_start.isoformat(),
            cycle.cycle_end.isoformat(),
            "O2000",
        )
        for number, cycle in enumerate(OKUMA_CYCLES)
    ]
    odd = _odd_rows(lines[1][0], (lines[1][-1].kafka_offset or 0) + 1, sent.missing)
    files = [folder / f"{name}.sqlite" for name in ("line-a", "line-b", "okuma")]
    for path, rows in zip(files, (lines[0], [*lines[1], *odd], okuma), strict=True):
        write_gateway_file(path, rows)
    return files, len(lines[0]) + len(lines[1]) + len(okuma)


def _odd_rows(sample: GatewayCycle, offset: int, missing: int) -> list[GatewayCycle]:
    """What is wrong with gateways' rows, one of each."""
    odd = [
        sample,
        replace(sample, device_id="GW-NEW", machine_iot_id=missing),
        replace(sample, cycle_start=None),
        replace(sample, cycle_start=sample.cycle_end, cycle_end=sample.cycle_start),
        replace(sample, cycle_start="yesterday"),
    ]
    return [replace(row, kafka_offset=offset + number) for number, row in enumerate(odd)]


def _register(connection: Any) -> int:
    """Register machine CNC-NEW with its gateway, in the first plant; its key."""
    [(device,)] = query(
        connection,
        "INSERT INTO master.device_info (device_id, is_assigned) VALUES ('GW-NEW', true)"
        " RETURNING device_iot_id",
    )
    [(machine, company)] = query(
        connection,
        "INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id,"
        " source_iot_id) SELECT 'CNC-NEW', c.iot_id, %s, '9001' FROM master.companies AS c"
        " ORDER BY c.iot_id LIMIT 1 RETURNING iot_id, company_iot_id",
        device,
    )
    run(
        connection,
        "INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)"
        " SELECT %s, p.iot_id, %s FROM master.plants AS p WHERE p.company_iot_id = %s"
        " ORDER BY p.iot_id LIMIT 1",
        company,
        machine,
        company,
    )
    return int(machine)


def _health(stage: Stage) -> Health:
    with stage.reading() as connection:
        return read_health(connection, job_stats_hold=False)


def _cycles_pipeline(health: Health) -> Pipeline:
    [found] = [pipeline for pipeline in health.pipelines if pipeline.name == "machine_cycles"]
    return found
