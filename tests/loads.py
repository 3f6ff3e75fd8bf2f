"""A small fleet in v2, and any of the ten loads run on it over one connection."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2.extensions
from psycopg2.extras import execute_values

from tests import model
from tests.fresh_v2 import add_company, add_machine, add_plant, apply_v2
from tests.model import CYCLES, Codes, Fact, Key, Machine, Outcome, Plant, Row, Shift
from tests.servers.at_hand import Server
from tests.v1 import connect, query, run, value


def _shift(number: int, name: str | None, start: float, end: float, to_day: int = 0) -> Shift:
    return Shift(number, name, timedelta(hours=start), timedelta(hours=end), 0, to_day)


PLANTS = (
    Plant("UTC", (_shift(1, "Day", 6, 14), _shift(2, "Night", 22, 6, 1))),
    Plant(
        "Asia/Kolkata", (_shift(1, "A", 6, 14), _shift(2, "B", 14, 22), _shift(3, "C", 22, 6, 1))
    ),
    Plant("America/New_York", (_shift(4, None, 0, 2.5), _shift(9, "Later", 2.5, 24))),
)
CODES = ("NO TOOL", "NO POWER", "Störung")
_NEVER = -1
_COLUMNS = ("logical_date", "company_iot_id", "shift_id", "shift_name")
_TYPES = {"text": "text", "end": "timestamptz", "code": "bigint", "integer": "bigint"}


def clock(time: timedelta) -> str:
    """A time since midnight as PostgreSQL writes it; 24:00 is one, too."""
    minutes = time // timedelta(minutes=1)
    return f"{minutes // 60:02}:{minutes % 60:02}"


class Fleet:
    """Four machines, three in plants of other time zones, one in none; the jobs are paused.

    :ivar machines: the registered machines, by key, as the model wants them.
    :ivar codes: the downtime codes, as the model wants them.
    """

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self.connection = connection
        company = add_company(connection, "C")
        self.machines: dict[int, Machine] = {}
        for number, plant in enumerate(PLANTS):
            key = add_plant(connection, company, f"P{number}", plant.timezone)
            for shift in plant.shifts:
                run(
                    connection,
                    "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id,"
                    " shift_name, start_time, end_time, to_day)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    *(company, key, shift.shift_id, shift.name),
                    *(clock(shift.start), clock(shift.end), shift.to_day),
                )
            machine = add_machine(connection, company, f"M{number}", key)
            self.machines[machine] = Machine(company, plant, f"gateway of M{number}")
        # One without a gateway of its own takes rows of any.
        nowhere = add_machine(connection, company, "M-nowhere")
        run(
            connection,
            "UPDATE master.machine_info SET device_iot_id = NULL WHERE iot_id = %s",
            nowhere,
        )
        self.machines[nowhere] = Machine(company, Plant(), None)
        keys = {
            code: value(
                connection,
                "INSERT INTO master.downtime_codes (down_code) VALUES (%s) RETURNING down_id",
                code,
            )
            for code in CODES
        }
        # The company's gateways have numbers of their own: 3 means nothing to them, 17 does.
        numbers = {1: keys["NO POWER"], 2: keys["NO TOOL"], 17: keys["Störung"]}
        run(connection, "DELETE FROM master.downtime_code_mapping")
        for number, key in numbers.items():
            run(
                connection,
                "INSERT INTO master.downtime_code_mapping VALUES (%s, %s, %s)",
                *(company, number, key),
            )
        self.codes = Codes(keys, {company: numbers})

    def clear(self, fact: Fact) -> None:
        """Forget all rows of a fact. Ids go on: no pipeline starts at 1 for ever."""
        run(
            self.connection,
            f"DELETE FROM bronze.raw_{fact.name}; DELETE FROM silver.{fact.name};"
            " DELETE FROM silver.latest_cycle_state; DELETE FROM _etl.rejected_rows;"
            " DELETE FROM _etl.later_values; DELETE FROM _etl.corrections;"
            " DELETE FROM _etl.unknown_codes; DELETE FROM _etl.job_runs;"
            " UPDATE _etl.load_settings SET sender_check = 'reject';"
            " UPDATE _etl.watermarks SET last_processed_ts = '-infinity' WHERE pipeline = %s",
            fact.name,
        )

    def remember(self, fact: Fact, history: Mapping[Key, Row]) -> None:
        """Put rows into silver as an upgrade would have migrated them."""
        keys = ("machine_iot_id", fact.instant, *((fact.key,) if fact.key else ()))
        for key, row in history.items():
            names = [*keys, *row]
            run(
                self.connection,
                f"INSERT INTO silver.{fact.name} ({', '.join(names)})"
                f" VALUES ({', '.join(['%s'] * len(names))})",
                *key,
                *row.values(),
            )
        if fact is CYCLES:
            run(self.connection, "SELECT silver.fn_rebuild_cycle_state()")

    def send(self, fact: Fact, rows: Sequence[Row]) -> list[int]:
        """Insert bronze rows, in order; their ids. A row's ``time`` is now unless it says."""
        if not rows:
            return []
        types = [_type(fact, name) for name in fact.sent]
        with self.connection.cursor() as cursor:
            found = execute_values(
                cursor,
                f"INSERT INTO bronze.raw_{fact.name} (time, device_id, machine_iot_id,"
                f" {', '.join(fact.sent)}) VALUES %s RETURNING id",
                [
                    (
                        row.get("time"),
                        row.get("device_id") or self.device(row["machine_iot_id"]),
                        row["machine_iot_id"],
                        *(row.get(n) for n in fact.sent),
                    )
                    for row in rows
                ],
                template="(coalesce(%s::timestamptz, clock_timestamp()), %s, %s, "
                + ", ".join(f"%s::{type_}" for type_ in types)
                + ")",
                page_size=len(rows),
                fetch=True,
            )
        return [row[0] for row in found]

    def device(self, machine: int) -> str:
        """The gateway of a machine; of one that has none, or is none, any."""
        known = self.machines.get(machine)
        return (known and known.device) or "any gateway"

    def arrivals(self, fact: Fact, ids: Sequence[int]) -> list[datetime]:
        """When these bronze rows arrived, in their order."""
        statement = (
            f"SELECT b.time FROM bronze.raw_{fact.name} AS b WHERE b.id = ANY (%s) ORDER BY b.id"
        )
        return [time for (time,) in query(self.connection, statement, list(ids))]

    def load(self, fact: Fact, **config: Any) -> dict[str, Any]:
        """Run the load as its own role; the run's line of the log."""
        run(self.connection, "SET ROLE setu_etl")
        try:
            call = f"CALL _etl.sp_load_{fact.name}(%s, %s)"
            run(self.connection, call, _NEVER, json.dumps(config))
        finally:
            run(self.connection, "RESET ROLE")
        log: dict[str, Any] = value(
            self.connection,
            "SELECT to_jsonb(r) FROM _etl.job_runs AS r ORDER BY r.run_id DESC LIMIT 1",
        )
        parts = (log[f"rows_{name}"] for name in ("loaded", "merged", "rejected"))
        assert log["rows_read"] == sum(parts)
        assert log["status"] == "succeeded"
        return log

    def expect(
        self,
        fact: Fact,
        rows: Sequence[Row],
        history: Mapping[Key, Row] | None = None,
        *,
        checks_sender: bool = True,
    ) -> Outcome:
        """What the model says of these rows."""
        now = datetime.now(UTC)
        arrived = [{**row, "arrival": row.get("time") or now} for row in rows]
        return model.load(fact, arrived, self.machines, self.codes, history, checks_sender)

    def resend(self, fact: Fact, why: str | None = None) -> int:
        """Send rejected rows through again, of one reason or all; how many."""
        return int(self.as_etl("CALL _etl.sp_resend_rejected(%s, %s)", fact.name, why))

    def remove(self, fact: Fact, key: Key) -> None:
        """Take a row of silver back."""
        self.as_etl("SELECT _etl.fn_remove_row(%s, %s, %s, 'wrong', %s)", fact.name, *_parts(key))

    def replace(self, fact: Fact, key: Key, values: Mapping[str, Any]) -> None:
        """Set columns of a row of silver by hand."""
        self.as_etl(
            "SELECT _etl.fn_replace_row(%s, %s, %s, %s, 'known better', %s)",
            *(fact.name, key[0], key[1], json.dumps(values), _parts(key)[2]),
        )

    def restore(self, fact: Fact, key: Key) -> None:
        """End the correction of a row of silver."""
        self.as_etl("SELECT _etl.fn_restore_row(%s, %s, %s, %s)", fact.name, *_parts(key))

    def as_etl(self, statement: str, *parameters: Any) -> Any:
        """The value of a statement that the owner of the loads runs."""
        run(self.connection, "SET ROLE setu_etl")
        try:
            return value(self.connection, statement, *parameters)
        finally:
            run(self.connection, "RESET ROLE")

    def silver(self, fact: Fact) -> dict[Key, dict[str, Any]]:
        """All of silver, by key, in the model's form."""
        keys = ("machine_iot_id", fact.instant, *((fact.key,) if fact.key else ()))
        stitched = ("actual_load_unload", "actual_cycle_time") if fact is CYCLES else ()
        columns = (*_COLUMNS, *fact.own, *stitched)
        return {
            row[: len(keys)]: dict(zip(columns, row[len(keys) :], strict=True))
            for row in query(
                self.connection, f"SELECT {', '.join((*keys, *columns))} FROM silver.{fact.name}"
            )
        }

    def rejects(self, fact: Fact) -> dict[int, str]:
        """Reason of each rejected row, by bronze id; each was kept whole, and with a detail."""
        found = query(
            self.connection,
            "SELECT r.bronze_id, r.reason_code, r.detail > '' AND r.bronze_time = b.time"
            " AND r.row_data = to_jsonb(b)"
            f" FROM _etl.rejected_rows AS r LEFT JOIN bronze.raw_{fact.name} AS b"
            " ON b.id = r.bronze_id WHERE r.pipeline = %s",
            fact.name,
        )
        assert all(whole for *_, whole in found)
        return {number: why for number, why, _ in found}

    def state(self) -> dict[int, tuple[Any, Any]]:
        """The cache: last start and end by machine."""
        return {
            machine: (start, end)
            for machine, start, end in query(
                self.connection,
                "SELECT machine_iot_id, last_cycle_start, last_cycle_end"
                " FROM silver.latest_cycle_state",
            )
        }


def _parts(key: Key) -> Key:
    return key if len(key) == 3 else (*key, "")


def _type(fact: Fact, name: str) -> str:
    if name == fact.instant:
        return "timestamptz"
    if name not in fact.own:
        return "text"
    return _TYPES.get(fact.own[name], "double precision")


@contextmanager
def fleet_on(server: Server) -> Iterator[Fleet]:
    """A fleet in a database of its own, dropped afterwards."""
    url = server.create_database()
    try:
        with fleet_in(url, server) as fleet:
            yield fleet
    finally:
        server.drop_database(url)


@contextmanager
def fleet_in(url: str, server: Server) -> Iterator[Fleet]:
    """A fleet in an empty database of that server."""
    connection = connect(url)
    try:
        apply_v2(connection, "community" if "community" in server.capabilities else "apache")
        if "community" in server.capabilities:
            run(
                connection,
                "SELECT alter_job(job_id, scheduled => false)"
                " FROM timescaledb_information.jobs WHERE job_id >= 1000",
            )
        run(connection, "SET timezone = 'UTC'")
        connection.commit()
        connection.autocommit = True
        yield Fleet(connection)
    finally:
        connection.close()
