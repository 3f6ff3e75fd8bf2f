"""Any set of files, in any order, any number of times, interrupted anywhere, corrected and fed
again: each good row is in bronze at least once and in silver exactly once."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from setu.ingest.feed_record import PositionedRow, row_digest
from setu.ingest.gateway import FeedReport, feed
from setu.simulate.gateway_files import GatewayCycle, write_gateway_file
from tests.fresh_v2 import add_company, add_machine, v2_database
from tests.servers.at_hand import Server
from tests.v1 import query, run, value

START = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def database(server: Server, database_url: str) -> Iterator[Any]:
    """v2 with two machines, 1 and 2, whose loads nobody runs but the test."""
    with v2_database(database_url, server.capabilities) as connection:
        company = add_company(connection, "C")
        for machine in ("M-1", "M-2"):
            add_machine(connection, company, machine)
        if "community" in server.capabilities:
            run(connection, "SELECT alter_job(job_id, scheduled => false)"
                " FROM timescaledb_information.jobs WHERE job_id >= 1000")  # fmt: skip
        connection.commit()
        yield connection


def cycle(number: int, machine: int = 1, partition: int = 0, **more: Any) -> GatewayCycle:
    """The cycle of that number; its offset is the number."""
    start = START + timedelta(minutes=5 * number)
    end = start + timedelta(minutes=4)
    device = f"gateway of M-{machine}"
    made = GatewayCycle(
        partition, number, device, machine, start.isoformat(), end.isoformat(), "O1000"
    )
    return replace(made, **more)


def cycles(numbers: range, machine: int = 1, **more: Any) -> list[GatewayCycle]:
    return [cycle(number, machine, **more) for number in numbers]


def _file(folder: Path, name: str, rows: Sequence[GatewayCycle]) -> Path:
    path = folder / name
    path.unlink(missing_ok=True)
    write_gateway_file(path, rows)
    return path


def _load(connection: Any) -> None:
    connection.commit()
    connection.autocommit = True
    try:
        run(connection, "CALL _etl.sp_load_machine_cycles(NULL, '{}')")
    finally:
        connection.autocommit = False


def _bronze(connection: Any) -> set[tuple[Any, ...]]:
    return set(
        query(
            connection,
            "SELECT kafka_partition, kafka_offset, machine_iot_id, cycle_start, program_no"
            " FROM bronze.raw_machine_cycles",
        )
    )


def _key(row: GatewayCycle) -> tuple[Any, ...]:
    start = datetime.fromisoformat(str(row.cycle_start))
    return row.kafka_partition, row.kafka_offset, row.machine_iot_id, start, row.program_no


def _silver(connection: Any) -> list[tuple[Any, ...]]:
    return query(
        connection, "SELECT machine_iot_id, cycle_start FROM silver.machine_cycles ORDER BY 1, 2"
    )


def test_the_file_of_monday_may_come_after_that_of_tuesday(database: Any, tmp_path: Path) -> None:
    monday = _file(tmp_path, "monday", cycles(range(5)))
    tuesday = _file(tmp_path, "tuesday", cycles(range(5, 10)))
    assert feed(database, [tuesday]).stored == 5
    report = feed(database, [monday])
    assert (report.stored, report.already_stored) == (5, 0)
    assert feed(database, [monday, tuesday]).already_stored == 10
    _load(database)
    assert len(_silver(database)) == 10


def test_a_rejected_row_that_is_corrected_in_its_file_is_stored(
    database: Any, tmp_path: Path
) -> None:
    path = _file(tmp_path, "gateway", cycles(range(5)))
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE raw_machine_cycles SET std_cycle_time = 'many' WHERE kafka_offset = 2")
    report = feed(database, [path])
    assert (report.stored, report.rejected) == (4, 1)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE raw_machine_cycles SET std_cycle_time = 420 WHERE kafka_offset = 2")
    report = feed(database, [path])
    assert (report.stored, report.already_stored, report.rejected) == (1, 4, 0)


def test_a_stored_row_that_is_corrected_in_its_file_is_stored_anew_and_the_old_one_not_again(
    database: Any, tmp_path: Path
) -> None:
    old = _file(tmp_path, "old", cycles(range(3)))
    new = _file(tmp_path, "new", [cycle(0), cycle(1, program_no="O2000"), cycle(2)])
    feed(database, [old])
    assert feed(database, [new]).stored == 1
    # Were it sent again, it would count as the later arrival, and undo the correction.
    assert feed(database, [old]).stored == 0
    _load(database)
    assert [
        program
        for (program,) in query(
            database, "SELECT program_no FROM silver.machine_cycles ORDER BY cycle_start"
        )
    ] == ["O1000", "O2000", "O1000"]


def test_a_topic_that_was_made_anew_begins_at_offset_0_again(database: Any, tmp_path: Path) -> None:
    before = _file(tmp_path, "before", cycles(range(400)))
    after = _file(
        tmp_path, "after", [replace(row, kafka_offset=n) for n, row in enumerate(
            cycles(range(400, 800)))]
    )  # fmt: skip
    feed(database, [before])
    report = feed(database, [after])
    assert (report.stored, report.already_stored) == (400, 0)


def test_two_brokers_may_number_alike(database: Any, tmp_path: Path) -> None:
    first = _file(tmp_path, "plant-1", cycles(range(300), 1))
    second = _file(tmp_path, "plant-2", cycles(range(300), 2))
    feed(database, [first])
    report = feed(database, [second])
    assert (report.stored, report.already_stored) == (300, 0)
    _load(database)
    assert len(_silver(database)) == 600


def test_rows_that_bronze_lost_are_sent_with_again(database: Any, tmp_path: Path) -> None:
    path = _file(tmp_path, "gateway", cycles(range(5)))
    feed(database, [path])
    run(database, "TRUNCATE bronze.raw_machine_cycles")
    database.commit()
    assert feed(database, [path]).stored == 0
    assert feed(database, [path], again=True).stored == 5


class _InterruptedError(Exception):
    pass


@pytest.mark.parametrize("seed", range(6))
def test_files_cut_mixed_repeated_corrected_and_interrupted_lose_no_row(
    database: Any, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    good = [
        *cycles(range(60), 1),
        *cycles(range(60), 2),
        *cycles(range(60, 90), 1, partition=7),
        # A topic made anew: other rows under offsets that were there before.
        *(replace(cycle(n, 1), kafka_offset=n - 90) for n in range(90, 120)),
        *(cycle(n, 2, kafka_partition=None, kafka_offset=None) for n in range(120, 140)),
    ]
    stored: set[tuple[Any, ...]] = set()

    def send(rows: list[GatewayCycle], interrupt: bool) -> None:
        # Poison, until it is corrected: the same row with a time that is none.
        spoiled = {at for at in range(len(rows)) if interrupt and chance.random() < 0.1}
        cut = sorted(chance.sample(range(len(rows) + 1), k=min(2, len(rows))))
        pieces = [rows[a:b] for a, b in zip([0, *cut], [*cut, len(rows)], strict=True) if a < b]
        files = []
        done = 0
        for n, piece in enumerate(pieces):
            at = range(done, done + len(piece))
            done += len(piece)
            lines = [
                replace(row, cycle_end="never") if place in spoiled else row
                for place, row in zip(at, piece, strict=True)
            ]
            files.append(_file(tmp_path, f"{chance.random()}-{n}", lines))
        left = chance.randint(1, 6)

        def stop(report: FeedReport) -> None:
            nonlocal left
            left -= 1
            if interrupt and not left:
                raise _InterruptedError

        try:
            report = feed(database, files, batch_rows=chance.randint(1, 40), on_batch=stop)
        except _InterruptedError:
            return
        finally:
            stored.update(_bronze(database))
            database.rollback()
        assert report.read == report.stored + report.already_stored + report.rejected
        # What was neither rejected nor sent is in bronze: skipped means stored.
        assert {_key(row) for at, row in enumerate(rows) if at not in spoiled} <= stored

    for _ in range(8):
        some = chance.sample(good, k=chance.randint(1, len(good)))
        send(some, interrupt=chance.random() < 0.7)
    send(good, interrupt=False)
    assert {_key(row) for row in good} == _bronze(database)
    _load(database)
    assert _silver(database) == sorted(
        (row.machine_iot_id, datetime.fromisoformat(str(row.cycle_start))) for row in good
    )
    assert value(database, "SELECT count(*) FROM _etl.rejected_rows") == 0


def test_the_record_is_small_and_short_records_grow_together(database: Any, tmp_path: Path) -> None:
    path = tmp_path / "growing"
    for n in range(20):
        write_gateway_file(path, cycles(range(10 * n, 10 * n + 10)))
        assert feed(database, [path]).stored == 10
    assert query(
        database, "SELECT first_position, last_position, octet_length(row_digests)"
        " FROM _etl.feed_records"
    ) == [(0, 199, 2000)]  # fmt: skip


def test_a_digest_depends_on_values_alone() -> None:
    utc, kolkata = "2026-01-05T06:00:00+00:00", "2026-01-05T11:30:00+05:30"
    first = row_digest(("a", "at"), (1, datetime.fromisoformat(utc)))
    assert row_digest(("at", "new", "a"), (datetime.fromisoformat(kolkata), None, 1)) == first
    others = [
        row_digest(("a", "at"), (2, datetime.fromisoformat(utc))),
        row_digest(("b", "at"), (1, datetime.fromisoformat(utc))),
        row_digest(("a",), (1,)),
        row_digest(("a",), ("1",)),
        row_digest(("a",), (1.0,)),
        row_digest(("a",), ("x\nb=1",)),
        row_digest(("a", "b"), ("x", 1)),
    ]
    assert len({first, *others}) == 8
    assert len(PositionedRow(0, 0, first).digest) == 10
