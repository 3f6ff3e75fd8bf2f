"""What a run would do, told before it does anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from sqlalchemy import make_url

from setu.chain.settings import Settings
from setu.cli.commands.plan import plan_of_database
from setu.db.connection import connected
from setu.errors import RevisionStateError
from setu.review.amounts import measured
from setu.review.plan import RunPlan
from setu.review.plan_output import document, markdown, text
from setu.review.scratch import PREFIX
from tests.chain import HEAD, REVISIONS, Chain, chain_on
from tests.servers.at_hand import Server
from tests.v2 import Plant

pytestmark = pytest.mark.requires("multi_session")


@pytest.fixture(scope="module")
def v1(server: Server) -> Iterator[Chain]:
    """A database at 0001 with a company and rows in silver."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'Company')",
            "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
            " SELECT TIMESTAMPTZ '2026-01-01 00:00Z' + g * INTERVAL '1 minute', 'C', 'M'"
            " FROM generate_series(1, 5000) AS g",
            "ANALYZE silver.machine_cycles",
        )
        yield chain


def plan_schema() -> Any:
    return json.loads((files("setu.review") / "plan.schema.json").read_text(encoding="utf-8"))


def plan_of(chain: Chain, revisions: str, monkeypatch: pytest.MonkeyPatch) -> RunPlan:
    monkeypatch.setenv("DATABASE_URL", chain.url)
    return plan_of_database(revisions, chain.settings)


def test_the_plan_of_an_upgrade_names_steps_locks_and_rows_and_changes_nothing(
    v1: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = v1.catalog()
    plan = plan_of(v1, "head", monkeypatch)
    assert [step.revision for step in plan.steps] == list(REVISIONS[1:])
    assert plan.rows == 5000
    assert plan.bytes > 0
    assert plan.rate > 0
    assert plan.refusals == ()
    assert plan.exit_code == 0
    [swap] = [step for step in plan.steps if step.name.endswith("swap")]
    assert swap.locks is not None
    held = {lock.object: lock.mode for lock in swap.locks}
    assert held["silver.machine_cycles"] == "ACCESS EXCLUSIVE"
    assert v1.catalog() == before
    assert v1.revision() == "0001"
    assert v1.query(f"SELECT 1 FROM pg_database WHERE datname LIKE '{PREFIX}%'") == []
    shown = text(plan)
    assert "5,000" in shown
    assert [line for line in shown.splitlines() if len(line) > 80 and " " in line.strip()] == []
    assert "| 0101 |" in markdown(plan)
    assert json.loads(json.dumps(document(plan)))["direction"] == "upgrade"
    jsonschema.validate(json.loads(json.dumps(document(plan))), plan_schema())
    # What the way back would lose, and on what it would refuse.
    back = {entry.revision: entry for entry in plan.back}
    assert [entry.revision for entry in plan.back] == sorted(back, reverse=True)
    assert back["0104"].loses.startswith("the roll-up's notes")
    assert "cannot go back to v1 because its rows are no longer in _archive" in back["0205"].refuses
    assert "cannot be undone: 0104" in shown
    assert "loses:        nothing" in shown
    assert "cannot swap because v2 cannot hold some shifts of v1" in swap.refuses
    assert "To undo this upgrade" in shown
    assert "## To undo this upgrade" in markdown(plan)


def test_the_plan_of_a_downgrade_goes_the_other_way(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        plan = plan_of(chain, "0402", monkeypatch)
        assert plan.direction == "downgrade"
        assert [step.revision for step in plan.steps] == [
            r for r in reversed(REVISIONS) if "0402" < r <= HEAD
        ]
        assert plan.exit_code == 0
        assert plan.rows == 0


def silver_rows(first: int, last: int) -> str:
    return (
        "INSERT INTO silver.machine_cycles (machine_iot_id, company_iot_id, cycle_start,"
        " shift_id, logical_date) SELECT 1, 1,"
        " TIMESTAMPTZ '2026-01-01 00:00Z' + g * INTERVAL '1 minute', 0, '2026-01-01'"
        f" FROM generate_series({first}, {last}) AS g"
    )


@pytest.mark.requires("community")
def test_the_plan_of_a_downgrade_counts_what_changed_and_was_not_loaded_and_no_history(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        Plant(chain)
        # These the way back knows already: history. A note is an hour of a machine, and the next
        # rows begin with an hour.
        chain.run(silver_rows(1, 2999), "UPDATE _archive.change_notes SET migrated_at = now()")
        chain.run(silver_rows(3000, 3499), "ANALYZE silver.machine_cycles")
        chain.run(
            "INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id, cycle_start)"
            " SELECT now(), 'D-1', 1, TIMESTAMPTZ '2026-02-01 00:00Z' + g * INTERVAL '1 minute'"
            " FROM generate_series(1, 40) AS g"
        )
        plan = plan_of(chain, "0001", monkeypatch)
        assert plan.refusals == ()
        assert {s.revision: s.rows for s in plan.steps if s.rows} == {"0205": 40, "0108": 500}
        assert plan.rows == 540
        assert plan.bytes > 0
        [gold] = [step for step in plan.steps if step.revision == "0104"]
        assert gold.loses.startswith("the roll-up's notes")
        assert "loses:        0104" in text(plan)
        jsonschema.validate(json.loads(json.dumps(document(plan))), plan_schema())
        with connected(chain.url, "test") as opened:
            quick = measured(opened, chain.settings)
            every = measured(opened, Settings.from_x_arguments([*chain.x, "compare=everything"]))
        assert (quick.changed.rows, quick.changed.reads) == (500, 0)
        assert (every.changed.rows, every.changed.reads) == (500, 2999)
        chain.downgrade("0001")
        assert chain.value("SELECT count(*) FROM silver.machine_cycles") == 500


def test_a_plan_says_which_rows_it_could_not_count(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        chain.run(
            "DROP ROLE IF EXISTS plan_reader",
            "CREATE ROLE plan_reader LOGIN PASSWORD 'x'",
            "GRANT USAGE ON SCHEMA _setu TO plan_reader",
            "GRANT SELECT ON _setu.version TO plan_reader",
        )
        try:
            reader = make_url(chain.url).set(username="plan_reader", password="x")
            with connected(reader.render_as_string(hide_password=False), "test") as opened:
                found = measured(opened, chain.settings)
            assert "_archive.change_notes" in found.unknown
            assert "_etl.watermarks" in found.unknown
        finally:
            chain.run("DROP OWNED BY plan_reader", "DROP ROLE plan_reader")


def test_payloads_that_wait_are_rows_to_move(v1: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    v1.run(
        "INSERT INTO bronze.raw_telemetry (device_id, iot_id, payload, company_id,"
        " processing_status) SELECT 'D', '1', '{}', 'C', x.status"
        " FROM (VALUES ('pending'), ('failed'), ('processed')) AS x (status)"
    )
    try:
        plan = plan_of(v1, "head", monkeypatch)
        [flatten] = [step for step in plan.steps if step.revision == "0205"]
        assert flatten.rows == 2
    finally:
        v1.run("DELETE FROM bronze.raw_telemetry")


def test_what_would_refuse_is_said_and_is_an_exit_code(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run("ALTER TABLE master.companies DROP COLUMN created_at")
        plan = plan_of(chain, "head", monkeypatch)
        assert plan.exit_code == 2
        assert any("created_at" in refusal for refusal in plan.refusals)
        assert "will refuse:  yes" in text(plan)


def test_a_plan_of_another_range_says_that_sizes_are_those_of_now(
    v1: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(v1, "0201:0204", monkeypatch)
    assert [step.revision for step in plan.steps] == ["0202", "0203", "0204"]
    assert any("those of now" in note for note in plan.notes)
    index = plan.steps[-1]
    assert index.locks is not None
    assert "bronze.raw_machine_cycles" in {lock.object for lock in index.locks}


@pytest.mark.parametrize(
    ("revision", "what"), [("0102", "goes on with it"), ("0103", "takes it back first")]
)
def test_a_plan_says_that_a_step_has_not_ended(
    server: Server, monkeypatch: pytest.MonkeyPatch, revision: str, what: str
) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0102" if revision == "0103" else "0101")
        chain.run(f"INSERT INTO _setu.unfinished_step VALUES ('{revision}', 'up')")
        end = "0101" if revision == "0103" else "head"
        [note] = plan_of(chain, end, monkeypatch).notes
        assert note.startswith(f"{revision} up was begun at ")
        assert note.endswith(f"and has not ended: the run {what}")


def test_an_unknown_revision_is_refused(v1: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RevisionStateError, match="9999"):
        plan_of(v1, "9999", monkeypatch)
