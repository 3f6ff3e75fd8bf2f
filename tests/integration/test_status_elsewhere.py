"""``setu status`` where there are no jobs (Apache) or no scheduler (embedded): what it says holds.

There a worker does the work, and status reads its traces: run log, retention, calendar, roll-up.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import make_url

from setu.ops.health import Thresholds
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker
from tests.integration.test_status import BREACHES, Breach, _text, look
from tests.servers.at_hand import Server
from tests.v2 import Plant, plant_on

#: Of the other conditions, each needs jobs, aggregates, the column store, or a server's own disk.
EVERYWHERE = frozenset({
    "server_takes_writes", "transaction_ids_left", "autovacuum_works", "roles_can_connect",
    "roles_have_rights", "role_settings_fit", "stored_rows_are_seen",
    "sequences_give_each_id_once", "sequences_have_room", "rows_are_not_hidden",
    "triggers_are_on", "pipelines_are_enabled", "pipelines_run",
    "runs_succeed", "pipelines_keep_up", "old_chunks_go", "logs_are_trimmed",
    "shift_calendar_goes_on", "reports_are_rolled_up", "alerts_are_checked",
})  # fmt: skip
WELL = Thresholds(free_disk=0)


def work(plant: Plant) -> list[str]:
    """One round of a worker; what it says."""
    lines: list[str] = []
    url = make_url(plant.chain.url).set(drivername="postgresql+psycopg2")
    Worker(url, Schedule(), lines.append, threading.Event()).round()
    return lines


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    if {"community", "native"} <= server.capabilities:
        pytest.skip("test_status.py has servers that can have a scheduler")
    with plant_on(server) as made:
        if made.chain.community:
            made.chain.run(
                "SELECT alter_job(job_id, scheduled => true) FROM timescaledb_information.jobs"
                " WHERE job_id >= 1000"
            )
        yield made


def test_before_a_worker_runs_it_is_said_that_nothing_does(plant: Plant) -> None:
    health = look(plant, WELL)
    said = {f.subject: f.command for f in health.findings if f.condition == "pipelines_run"}
    assert said["machine_cycles"].endswith("setu worker")
    assert len(said) == 10


def test_after_a_round_of_a_worker_all_is_well(plant: Plant) -> None:
    assert [line for line in work(plant) if "failed" in line] == []
    health = look(plant, WELL)
    assert health.findings == ()
    unchecked = {c.name for c in health.conditions if c.holds is None}
    # What was not checked is what there is not, and the disk of another machine.
    needed = {"room_on_disk"} if plant.chain.community else {
        "room_on_disk", "scheduler_runs", "jobs_exist", "jobs_are_scheduled", "jobs_can_start",
        "jobs_succeed", "chunks_are_compressed",
    }  # fmt: skip
    assert unchecked <= needed


def _runs_everywhere(breach: Breach) -> bool:
    words = " ".join([*breach.plant, *breach.undo, *breach.session])
    # A change of the catalog itself is not seen by the one process that has it in its cache.
    needs = ("alter_job", "bgw_job", "restoring", "slot", "pg_attribute")
    return breach.condition in EVERYWHERE and not any(word in words for word in needs)


@pytest.mark.parametrize(
    "breach",
    [breach for breach in BREACHES if _runs_everywhere(breach)],
    ids=lambda breach: f"{breach.condition}-{breach.says[:30]}",
)
def test_a_breach_is_found_there_too(plant: Plant, breach: Breach) -> None:
    database = make_url(plant.chain.url).database
    if plant.chain.community and any("UPDATE pg_class" in line for line in breach.plant):
        pytest.skip("the one process has the former tuple in its cache, and fails to change it")

    def run(statements: Sequence[str]) -> None:
        with plant.chain.session() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace("{db}", f'"{database}"'))

    run(breach.plant)
    try:
        found = [f for f in look(plant, breach.limits, breach.session).findings
                 if f.condition == breach.condition]  # fmt: skip
    finally:
        run(breach.undo)
    assert found, breach.says
    assert [f for f in found if _text(f)]
    after = look(plant, WELL)
    assert not [f for f in after.findings if f.condition == breach.condition], after.findings
