"""Gateway files into bronze: what arrives, where a run resumes, and what is rejected."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
import typer
from typer.testing import CliRunner

from setu.cli.commands import feed as feed_command
from setu.ingest.gateway import FeedReport, GatewayFeedError, feed
from setu.ingest.gateway_faults import GatewayFileError
from setu.ingest.rejections import Rejection, append_rejections
from setu.ingest.source_templates import read_templates
from setu.simulate.gateway_files import (
    GatewayCycle,
    gateway_cycles,
    gateway_rows,
    write_gateway_file,
    write_gateway_rows,
)
from tests.bronze import create_bronze
from tests.data import OKUMA_CYCLES
from tests.v1 import connect, query, run, value

START = datetime(2026, 1, 5, tzinfo=UTC)
MACHINES = [("GW-1", 1), ("GW-2", 2), ("GW-3", 3)]
ROW = GatewayCycle(0, 0, "GW-1", 1, "2026-01-05T06:00:00Z", "2026-01-05T06:05:00Z")


@pytest.fixture
def bronze(database_url: str) -> Iterator[Any]:
    """A connection to a database with bronze's flat tables."""
    connection = connect(database_url)
    try:
        create_bronze(connection)
        connection.commit()
        yield connection
    finally:
        connection.close()


def _count(connection: Any) -> int:
    return int(value(connection, "SELECT count(*) FROM bronze.raw_machine_cycles"))


def _file(folder: Path, *rows: GatewayCycle, name: str = "gateway.sqlite") -> Path:
    path = folder / name
    write_gateway_file(path, rows)
    return path


def _broken(folder: Path, statement: str, *parameters: object) -> Path:
    """A gateway file of one good row, with one statement run on it."""
    path = _file(folder, ROW, replace(ROW, kafka_offset=1))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(statement, parameters)
    return path


# What arrives


def test_rows_arrive_with_every_value_and_bronze_draws_id_and_time(
    bronze: Any, tmp_path: Path
) -> None:
    path = _file(tmp_path, replace(ROW, kafka_partition=3, kafka_offset=17, program_no="Ø1 'x'"))

    report = feed(bronze, [path])

    assert (report.read, report.stored, report.batches) == (1, 1, 1)
    assert query(
        bronze,
        "SELECT id, time > now() - INTERVAL '1 minute', kafka_partition, kafka_offset, device_id,"
        " machine_iot_id, cycle_start, cycle_end - cycle_start = INTERVAL '5 minutes', program_no,"
        " std_load_unload, std_cycle_time, down_threshold FROM bronze.raw_machine_cycles",
    ) == [
        (1, True, 3, 17, "GW-1", 1, datetime(2026, 1, 5, 6, tzinfo=UTC), True, "Ø1 'x'", 60, 420,
         300)
    ]  # fmt: skip


def test_the_recorded_cycles_arrive_to_the_millisecond(bronze: Any, tmp_path: Path) -> None:
    rows = [
        replace(
            ROW,
            kafka_offset=number,
            cycle_start=cycle.cycle_start.isoformat(),
            cycle_end=cycle.cycle_end.isoformat(),
        )
        for number, cycle in enumerate(OKUMA_CYCLES)
    ]
    feed(bronze, [_file(tmp_path, *rows)])
    assert query(
        bronze, "SELECT cycle_start, cycle_end FROM bronze.raw_machine_cycles ORDER BY id"
    ) == [(cycle.cycle_start, cycle.cycle_end) for cycle in OKUMA_CYCLES]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-05T06:00:00", "2026-01-05 06:00:00+00"),
        ("2026-01-05 06:00:00.123", "2026-01-05 06:00:00.123+00"),
        ("2026-01-05T06:00:00.123456Z", "2026-01-05 06:00:00.123456+00"),
        ("2026-01-05T06:00:00+05:30", "2026-01-05 00:30:00+00"),
        ("2026-01-05T06:00:00-0800", "2026-01-05 14:00:00+00"),
        ("20260105T060000Z", "2026-01-05 06:00:00+00"),
        ("2026-01-05T06:00", "2026-01-05 06:00:00+00"),
    ],
)
def test_time_without_a_zone_is_utc_whatever_the_session_says(
    bronze: Any, tmp_path: Path, written: str, meant: str
) -> None:
    run(bronze, "SET TIME ZONE 'Asia/Kolkata'")
    bronze.commit()
    feed(bronze, [_file(tmp_path, replace(ROW, cycle_start=written))])
    assert value(bronze, "SELECT cycle_start = %s FROM bronze.raw_machine_cycles", meant) is True


def test_null_business_values_arrive_as_null(bronze: Any, tmp_path: Path) -> None:
    row = GatewayCycle(None, None, "GW-1", 1, None, None, None, None, None, None)
    feed(bronze, [_file(tmp_path, row)])
    assert value(
        bronze,
        "SELECT num_nulls(kafka_partition, kafka_offset, cycle_start, cycle_end, program_no,"
        " std_load_unload, std_cycle_time, down_threshold) FROM bronze.raw_machine_cycles",
    ) == 8  # fmt: skip


@pytest.mark.parametrize("table", read_templates())
def test_each_kind_of_row_arrives_with_every_value(bronze: Any, tmp_path: Path, table: str) -> None:
    path = tmp_path / "gateway.sqlite"
    template = read_templates()[table]
    rows = [
        *gateway_rows(table, MACHINES, rows=4, first_time=START),
        # Nothing but who sent it: bronze takes what arrives.
        (0, 12, "GW-1", 1, *(None for _ in template.columns[4:])),
    ]
    assert write_gateway_rows(path, table, rows) == 13

    report = feed(bronze, [path])

    assert (report.read, report.stored, report.rejections) == (13, 13, [])
    arrived = query(bronze, f"SELECT {', '.join(template.names)} FROM bronze.{table} ORDER BY id")
    assert arrived == [
        tuple(
            datetime.fromisoformat(str(cell))
            if cell is not None and column.declared_type == "DATETIME"
            else cell
            for column, cell in zip(template.columns, row, strict=True)
        )
        for row in rows
    ]


def test_one_file_may_hold_all_ten_tables_and_each_resumes_by_itself(
    bronze: Any, tmp_path: Path
) -> None:
    path = tmp_path / "gateway.sqlite"
    tables = list(read_templates())
    assert len(tables) == 10
    for table in tables:
        write_gateway_rows(path, table, gateway_rows(table, MACHINES, rows=2, first_time=START))
    assert feed(bronze, [path]).stored == 60
    more = gateway_rows(
        "raw_machine_alarms", MACHINES, rows=1, first_time=START, first_offset=6, seed=2
    )
    write_gateway_rows(path, "raw_machine_alarms", more)
    report = feed(bronze, [path])
    assert (report.stored, report.already_stored) == (3, 60)


# Batches and where a run resumes


def test_each_batch_is_a_transaction_of_its_own(bronze: Any, tmp_path: Path) -> None:
    path = _file(tmp_path, *gateway_cycles(MACHINES, cycles=70, first_start=START))
    seen: list[int] = []

    report = feed(bronze, [path], batch_rows=60, on_batch=lambda r: seen.append(r.stored))

    assert seen == [60, 120, 180, 210]
    assert report.batches == 4
    assert _count(bronze) == 210
    assert value(bronze, "SELECT count(DISTINCT xmin::text) FROM bronze.raw_machine_cycles") == 4


def test_batches_of_the_default_size_hold_3000_rows(bronze: Any, tmp_path: Path) -> None:
    path = _file(tmp_path, *gateway_cycles(MACHINES, cycles=1_001, first_start=START))
    seen: list[int] = []
    feed(bronze, [path], on_batch=lambda report: seen.append(report.stored))
    assert seen == [3000, 3003]


def test_a_second_run_stores_nothing_again(bronze: Any, tmp_path: Path) -> None:
    path = _file(tmp_path, *gateway_cycles(MACHINES, cycles=10, first_start=START))
    feed(bronze, [path])
    report = feed(bronze, [path])
    assert (report.read, report.stored, report.already_stored) == (30, 0, 30)
    assert _count(bronze) == 30


def test_only_rows_that_are_not_stored_are_sent(bronze: Any, tmp_path: Path) -> None:
    first = _file(tmp_path, *(replace(ROW, kafka_offset=n) for n in range(5)), name="a")
    feed(bronze, [first])
    write_gateway_file(first, [replace(ROW, kafka_offset=5)])
    other = _file(
        tmp_path, *(replace(ROW, kafka_partition=1, kafka_offset=n) for n in range(3)), name="b"
    )
    report = feed(bronze, [first, other])
    assert (report.stored, report.already_stored) == (4, 5)


class _StoppedError(Exception):
    pass


def test_a_run_that_stops_anywhere_resumes_without_a_gap(bronze: Any, tmp_path: Path) -> None:
    """Files are given in the wrong order, and share a partition: still no row may be missed."""
    rows = list(gateway_cycles(MACHINES, cycles=10, first_start=START))
    late = _file(tmp_path, *rows[15:], name="late")
    early = _file(tmp_path, *rows[:15], name="early")

    def stop(report: FeedReport) -> None:
        if report.batches == 2:
            raise _StoppedError

    with pytest.raises(_StoppedError):
        feed(bronze, [late, early], batch_rows=4, on_batch=stop)
    assert _count(bronze) == 8
    feed(bronze, [late, early], batch_rows=4)

    offsets = query(bronze, "SELECT kafka_offset FROM bronze.raw_machine_cycles ORDER BY id")
    assert [offset for (offset,) in offsets] == list(range(30))


def test_rows_without_an_offset_are_known_again_by_their_values_and_number(
    bronze: Any, tmp_path: Path
) -> None:
    bare = replace(ROW, kafka_partition=None, kafka_offset=None)
    path = _file(tmp_path, bare, ROW, bare)
    assert feed(bronze, [path]).stored == 3
    write_gateway_file(path, [replace(bare, program_no="new")])
    report = feed(bronze, [path])
    assert (report.stored, report.already_stored) == (1, 3)
    assert _count(bronze) == 4


# Rows that are rejected


@pytest.mark.parametrize(
    ("column", "broken", "reason"),
    [
        ("cycle_start", "yesterday", "not an ISO-8601 time"),
        ("cycle_start", "now", "not an ISO-8601 time"),
        ("cycle_start", "2026-02-30T06:00:00Z", "not an ISO-8601 time"),
        ("cycle_start", "2026-01-05", "not an ISO-8601 time"),
        ("cycle_start", "05/01/2026 06:00", "not an ISO-8601 time"),
        ("cycle_end", 1_767_592_800, "not an ISO-8601 time"),
        ("cycle_end", b"\x00\x01", "not an ISO-8601 time"),
        ("std_cycle_time", "many", "not a whole number"),
        ("std_cycle_time", 12.5, "not a whole number"),
        ("kafka_partition", 1 << 31, "outside the range of integer"),
        ("program_no", b"\xff", "not text"),
        ("program_no", "a\0b", "zero byte"),
    ],
)
def test_a_broken_row_is_named_and_rejected_and_the_others_go_on(
    bronze: Any, tmp_path: Path, column: str, broken: object, reason: str
) -> None:
    path = _broken(tmp_path, f"UPDATE raw_machine_cycles SET {column} = ? WHERE row_no = 1", broken)
    named: list[Rejection] = []

    report = feed(bronze, [path], on_rejection=named.append)

    assert (report.read, report.stored) == (2, 1)
    assert named == report.rejections
    (rejection,) = named
    assert (rejection.file, rejection.table, rejection.row_no, rejection.column) == (
        str(path),
        "raw_machine_cycles",
        1,
        column,
    )
    assert rejection.value == ascii(broken)
    assert reason in rejection.reason
    assert column in str(rejection)
    assert str(path) in str(rejection)


def test_text_that_is_not_utf_8_is_rejected(bronze: Any, tmp_path: Path) -> None:
    path = _broken(
        tmp_path,
        "UPDATE raw_machine_cycles SET program_no = CAST(x'4fff31' AS TEXT) WHERE row_no = 1",
    )
    report = feed(bronze, [path])
    assert report.stored == 1
    assert report.rejections[0].reason == "not valid UTF-8"


def test_a_file_without_its_not_null_is_still_held_to_it(bronze: Any, tmp_path: Path) -> None:
    path = tmp_path / "loose.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "CREATE TABLE raw_machine_cycles (row_no INTEGER PRIMARY KEY, kafka_partition,"
            " kafka_offset, device_id, machine_iot_id, cycle_start, cycle_end, program_no,"
            " std_load_unload, std_cycle_time, down_threshold)"
        )
        file.execute("INSERT INTO raw_machine_cycles (machine_iot_id) VALUES (1)")
    report = feed(bronze, [path])
    assert (report.rejections[0].column, report.stored) == ("device_id", 0)


def test_rejections_are_kept_as_lines_of_json(bronze: Any, tmp_path: Path) -> None:
    path = _broken(tmp_path, "UPDATE raw_machine_cycles SET cycle_start = 'ä' WHERE row_no = 2")
    kept = tmp_path / "rejects.jsonl"
    feed(bronze, [path], on_rejection=append_rejections(kept))
    assert [json.loads(line) for line in kept.read_text().splitlines()] == [
        {
            "file": str(path),
            "table": "raw_machine_cycles",
            "row_no": 2,
            "column": "cycle_start",
            "value": r"'\xe4'",
            "reason": "not an ISO-8601 time, such as 2022-08-08T13:51:36.771Z",
            "row": {
                "row_no": 2,
                "kafka_partition": 0,
                "kafka_offset": 1,
                "device_id": "GW-1",
                "machine_iot_id": 1,
                "cycle_start": "ä",
                "cycle_end": "2026-01-05T06:05:00Z",
                "program_no": ROW.program_no,
                "std_load_unload": 60,
                "std_cycle_time": 420,
                "down_threshold": 300,
            },
        }
    ]


# Files and databases that cannot be used


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("ALTER TABLE raw_machine_cycles DROP COLUMN program_no", "missing: program_no"),
        ("ALTER TABLE raw_machine_cycles ADD COLUMN torque REAL", "unknown: torque"),
        ("ALTER TABLE raw_machine_cycles RENAME TO raw_other", "no source template"),
        ("ALTER TABLE raw_machine_cycles RENAME TO cycles", "no table raw_"),
    ],
)
def test_a_file_of_another_shape_is_refused_before_anything_is_stored(
    bronze: Any, tmp_path: Path, statement: str, message: str
) -> None:
    good = _file(tmp_path, ROW, name="good.sqlite")
    with pytest.raises(GatewayFileError) as caught:
        feed(bronze, [good, _broken(tmp_path, statement)])
    assert message in str(caught.value)
    assert caught.value.hint
    assert _count(bronze) == 0


def test_a_file_that_is_missing_or_no_sqlite_file_is_named(bronze: Any, tmp_path: Path) -> None:
    text = tmp_path / "text.sqlite"
    text.write_text("not a database, but longer than the header of one would be " * 3)
    for path, message in ((text, "cannot be read"), (tmp_path / "gone", "is not there")):
        with pytest.raises(GatewayFileError, match=message) as caught:
            feed(bronze, [path])
        assert str(path) in caught.value.title


def test_a_database_without_bronze_is_told_what_to_do(bronze: Any, tmp_path: Path) -> None:
    run(bronze, "DROP TABLE bronze.raw_machine_cycles")
    bronze.commit()
    with pytest.raises(GatewayFeedError, match="no table") as caught:
        feed(bronze, [_file(tmp_path, ROW)])
    assert "alembic upgrade head" in caught.value.hint


def test_a_batch_that_the_database_refuses_leaves_the_batches_before_it(
    bronze: Any, tmp_path: Path
) -> None:
    run(
        bronze,
        """
        CREATE FUNCTION bronze.planted() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted'; END $$;
        CREATE TRIGGER planted BEFORE INSERT ON bronze.raw_machine_cycles FOR EACH ROW
        WHEN (new.kafka_offset = 5) EXECUTE FUNCTION bronze.planted();
        """,
    )
    bronze.commit()
    path = _file(tmp_path, *(replace(ROW, kafka_offset=n) for n in range(9)))
    with pytest.raises(GatewayFeedError) as caught:
        feed(bronze, [path], batch_rows=3)
    assert "planted" in str(caught.value)
    assert f"from: {path} row 4" in caught.value.context
    assert _count(bronze) == 3

    run(bronze, "DROP TRIGGER planted ON bronze.raw_machine_cycles")
    bronze.commit()
    assert feed(bronze, [path], batch_rows=3).stored == 6


def test_a_role_with_no_more_than_its_rights_can_feed(bronze: Any, tmp_path: Path) -> None:
    run(
        bronze,
        """
        CREATE ROLE setu_test_feeder;
        GRANT USAGE ON SCHEMA bronze TO setu_test_feeder;
        GRANT INSERT (kafka_partition, kafka_offset, device_id, machine_iot_id, cycle_start,
            cycle_end, program_no, std_load_unload, std_cycle_time, down_threshold)
        ON bronze.raw_machine_cycles TO setu_test_feeder;
        GRANT USAGE ON SCHEMA _etl TO setu_test_feeder;
        GRANT EXECUTE ON FUNCTION _etl.fn_fed_rows(text, integer[], bigint[], bigint[]),
            _etl.fn_record_fed_rows(text, integer, bigint, bigint, bytea) TO setu_test_feeder;
        """,
    )
    bronze.commit()
    try:
        run(bronze, "SET ROLE setu_test_feeder")
        bronze.commit()
        assert feed(bronze, [_file(tmp_path, ROW)]).stored == 1
    finally:
        bronze.rollback()
        run(bronze, "RESET ROLE; DROP OWNED BY setu_test_feeder; DROP ROLE setu_test_feeder")
        bronze.commit()


# The command


def test_setu_feed_says_what_it_did_and_keeps_what_it_rejected(
    bronze: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _broken(tmp_path, "UPDATE raw_machine_cycles SET cycle_start = 'x' WHERE row_no = 2")
    kept = tmp_path / "rejects.jsonl"
    # One session is all that the embedded server has: the command takes the test's own.
    monkeypatch.setattr(feed_command, "open_driver", lambda *_, **__: _Shared(bronze))
    app = typer.Typer()
    app.callback()(lambda: None)
    feed_command.register(app)

    result = CliRunner().invoke(
        app, ["feed", str(path), "--database-url", "postgresql://x/y", "--rejects", str(kept)]
    )

    assert result.exit_code == 3, result.output
    assert "2 rows read: 1 stored in 1 batches, 0 stored before, 1 rejected" in result.output
    assert "cycle_start 'x'" in result.output
    assert len(kept.read_text().splitlines()) == 1
    assert _count(bronze) == 1


class _Shared:
    """A connection that its user may close without closing it."""

    def __init__(self, connection: psycopg2.extensions.connection) -> None:
        self._connection = connection

    @property
    def encoding(self) -> str:
        return self._connection.encoding

    @property
    def closed(self) -> int:
        return self._connection.closed

    def close(self) -> None:
        self._connection.rollback()

    def cursor(self) -> Any:
        return self._connection.cursor()

    def __enter__(self) -> Any:
        return self._connection.__enter__()

    def __exit__(self, *details: Any) -> Any:
        return self._connection.__exit__(*details)
