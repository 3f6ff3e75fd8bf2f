"""v1's JSON payloads of a made-up fleet."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg2.extensions
from psycopg2.extras import Json, execute_values

from setu.simulate.fleet_size import FleetSize

_Connection = psycopg2.extensions.connection


@dataclass(frozen=True)
class V1Machine:
    machine_id: str
    company_id: str
    plant_id: str
    device_id: str
    iot_id: str


def _payload(machine: V1Machine, start: datetime, end: datetime, program: str) -> dict[str, object]:
    """A poll of a machine: all eight arrays."""
    at = end.isoformat()
    return {
        "DeviceID": machine.device_id,
        "IOTID": machine.iot_id,
        "MachineRunningStatus": [
            {"UpdatedTS": at, "RunningProgramNo": program, "Status": "Running",
             "OperatorID": "OP-1", "Target": 100}
        ],
        "MachineWiseCycleDetails": [
            {"CycleStart": start.isoformat(), "CycleEnd": at, "ProgramNo": program,
             "StdLoadUnload": 60, "StdCycleTime": 420, "ActualLoadUnload": 45, "DownThreshold": 300}
        ],
        "MachineWiseDownDetails": [
            {"DownStart": at, "DownEnd": (end + timedelta(minutes=1)).isoformat(),
             "DownCode": "NO-OP", "DownID": 1, "DownThreshold": 300}
        ],
        "MachineWiseAlarmDetails": [{"AlarmTS": at, "AlarmNo": "1001", "AlarmDesc": "Door open"}],
        "MachineWiseEnergyDetails": [
            {"UpdatedTS": at, "Category": "Machine", "ServoEnergy": 0.125, "SpindleEnergy": 0.25,
             "TotalEnergy": 0.375}
        ],
        "MachineWiseFocasDetails": [
            {"UpdatedTS": at, "POT": 600, "OT": 420, "CT": 300, "PartCount": 1, "RejCount": 0}
        ],
        "MachineWiseToolDetails": [{"UpdatedTS": at, "ToolNo": "T1", "Target": 500, "Actual": 17}],
        "MachineWisePMDetails": [{"UpdatedTS": at, "PMCorrectedCount": 2}],
    }  # fmt: skip


_TELEMETRY = (
    "INSERT INTO bronze.raw_telemetry (ingest_time, device_id, iot_id, payload, processed,"
    " company_id, batch_id, processing_status) VALUES %s"
)


def make_telemetry(
    connection: _Connection,
    size: FleetSize,
    chance: random.Random,
    machines: Sequence[V1Machine],
    end: datetime,
) -> None:
    """Payloads of the hours after the history; v1's own batch makes processed and failed ones."""
    if not machines:
        return
    worked = size.processed_payloads + size.failed_payloads
    total = worked + size.pending_payloads + size.claimed_payloads
    rows: list[tuple[object, ...]] = []
    for number in range(total):
        machine = machines[number % len(machines)]
        start = end + timedelta(
            minutes=10 * (number // len(machines)), milliseconds=chance.randrange(60_000)
        )
        payload = _payload(
            machine, start, start + timedelta(minutes=7), f"O{chance.randrange(1000, 1004)}"
        )
        if number < size.failed_payloads:
            payload["MachineWiseCycleDetails"] = [{"CycleStart": "not a time"}]
        claimed = number >= worked + size.pending_payloads
        rows.append(
            (
                start + timedelta(minutes=8),
                machine.device_id,
                machine.iot_id,
                Json(payload),
                False,
                machine.company_id,
                "00000000-0000-4000-8000-000000000001" if claimed else None,
                "claimed" if claimed else "pending",
            )
        )
    letters = [
        (
            end + timedelta(minutes=n),
            Json({"DeviceID": f"GONE-{n}", "IOTID": "0"}),
            f"Unknown machine: DeviceID=GONE-{n}, IOTID=0",
            None,
        )
        for n in range(size.dead_letters)
    ]
    with connection.cursor() as cursor:
        if worked:
            execute_values(cursor, _TELEMETRY, rows[:worked], page_size=1000)
            cursor.execute("CALL bronze.proc_process_bronze_batch(%s)", (worked,))
        if rows[worked:]:
            execute_values(cursor, _TELEMETRY, rows[worked:], page_size=1000)
        if letters:
            execute_values(
                cursor,
                "INSERT INTO bronze.dead_letter_queue (time, payload, error_reason, company_id)"
                " VALUES %s",
                letters,
                page_size=1000,
            )
