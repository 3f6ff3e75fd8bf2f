"""What a run would do, told before it does anything."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from setu.cli.commands.plan import plan_of_database
from setu.errors import RevisionStateError
from setu.review.plan import RunPlan
from setu.review.plan_output import document, markdown, text
from setu.review.scratch import PREFIX
from tests.chain import HEAD, REVISIONS, Chain, chain_on
from tests.servers.at_hand import Server

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
    assert plan.notes
    index = plan.steps[-1]
    assert index.locks is not None
    assert "bronze.raw_machine_cycles" in {lock.object for lock in index.locks}


def test_an_unknown_revision_is_refused(v1: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RevisionStateError, match="9999"):
        plan_of(v1, "9999", monkeypatch)
