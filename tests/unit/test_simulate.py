"""Made-up fleets: the same seed gives the same fleet, and each fault of real gateways shows."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from setu.ingest.source_templates import read_templates
from setu.simulate.delivery import CLOCK_AHEAD, Fleet, Message, messages
from setu.simulate.machine import Machine
from setu.simulate.writing import write_files

START = datetime(2026, 1, 5, tzinfo=UTC)
QUIET: dict[str, Any] = {"outages": 0.0, "resends": 0.0}


def _fleet(machines: int = 4, hours: float = 6, **others: Any) -> Fleet:
    length = timedelta(hours=hours)
    return Fleet(machines=machines, start=START, end=START + length, **others)


def test_the_same_seed_gives_the_same_messages_and_another_gives_others() -> None:
    assert list(messages(_fleet(seed=3))) == list(messages(_fleet(seed=3)))
    assert list(messages(_fleet(seed=3))) != list(messages(_fleet(seed=4)))


def test_a_machine_lives_the_same_life_in_fleets_of_any_size() -> None:
    def life(machines: int) -> list[tuple[object, ...]]:
        fleet = _fleet(machines, **QUIET)
        return [(m.table, m.values) for m in messages(fleet) if m.machine == 1]

    assert life(2) == life(12)


def test_messages_come_in_order_of_arrival_and_offsets_have_no_gaps() -> None:
    offsets: defaultdict[int, list[int]] = defaultdict(list)
    arrived = []
    for message in messages(_fleet(40, hours=2, outages=0.3, resends=0.5)):
        arrived.append(message.sent_at)
        offsets[message.partition].append(message.offset)
    assert arrived == sorted(arrived)
    assert len(offsets) == 4
    assert all(numbers == list(range(len(numbers))) for numbers in offsets.values())


def test_a_fleet_sends_all_ten_facts_about_as_often_as_asked() -> None:
    sent = list(messages(_fleet(3, hours=26, **QUIET)))
    tables = {message.table for message in sent}
    assert tables == set(read_templates())
    assert 0.08 < len(sent) / (3 * 26 * 3600) < 0.12  # rows a machine and second


def test_cycles_of_a_machine_never_overlap_and_stand_in_order() -> None:
    reports = Machine("M", 1, START).reports(START + timedelta(hours=20))
    cycles = [r.values for r in reports if r.table == "raw_machine_cycles" and r.values[1]]
    assert len(cycles) > 50
    for one, other in pairwise(cycles):
        assert str(one[0]) < str(one[1]) <= str(other[0])


def _events(sent: list[Message]) -> list[tuple[int, str, tuple[object, ...]]]:
    return [(m.machine, m.table, m.values) for m in sent]


def test_an_outage_holds_rows_back_to_the_end_of_its_hour_and_loses_none() -> None:
    calm, offline = list(messages(_fleet(**QUIET))), list(messages(_fleet(outages=1, resends=0)))
    assert sorted(_events(calm), key=str) == sorted(_events(offline), key=str)
    assert all(m.sent_at.minute == m.sent_at.second == 0 for m in offline)
    assert len({m.sent_at for m in offline}) == 6


def test_a_resend_brings_the_same_rows_under_new_offsets() -> None:
    calm, resent = list(messages(_fleet(**QUIET))), list(messages(_fleet(outages=0, resends=1)))
    assert len(resent) == len(calm) + 5 * 20
    assert set(map(str, _events(resent))) == set(map(str, _events(calm)))


def test_a_clock_fault_moves_a_machines_times_a_hundred_years_ahead() -> None:
    right = list(messages(_fleet(1, **QUIET)))
    wrong = list(messages(_fleet(1, clock_faults=1, **QUIET)))
    assert len(right) == len(wrong)
    for one, other in zip(right, wrong, strict=True):
        ahead = datetime.fromisoformat(str(one.values[0])) + CLOCK_AHEAD
        assert datetime.fromisoformat(str(other.values[0])) == ahead


def test_thousands_of_machines_send_from_the_first_minutes() -> None:
    sent = list(islice(messages(_fleet(2_000, hours=0.1)), 5_000))
    assert len({message.device_id for message in sent}) > 1_000


def test_files_hold_every_message_in_the_tables_of_the_templates(tmp_path: Path) -> None:
    sent = list(messages(_fleet(25, hours=1)))
    written = write_files(sent, tmp_path / "new")
    assert [path.name for path in sorted(written)] == [f"SIM-GW-000{n}.sqlite" for n in (1, 2, 3)]
    assert sum(written.values()) == len(sent)
    found = 0
    for path in written:
        with closing(sqlite3.connect(path)) as file:
            tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema")]
            found += sum(file.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables)
    assert found == len(sent)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_value_fits_its_template(seed: int) -> None:
    columns = {name: len(template.columns) - 4 for name, template in read_templates().items()}
    for message in messages(_fleet(3, hours=26, seed=seed)):
        assert len(message.values) == columns[message.table]
