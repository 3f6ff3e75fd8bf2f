"""What v1 runs by itself is paused while v1 is archived, and goes on after the way down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT, edge_case_rows
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("community")
FLEET = FleetSize(companies=1, plants=1, machines=2, days=3, cycles_per_machine_day=4)
AGGREGATES = (
    "hourly_production_stats",
    "hourly_downtime_stats",
    "hourly_energy_stats",
    "machine_cycle_stats_hourly",
    "machine_downtime_hourly",
    "machine_energy_hourly",
    "daily_production_stats",
    "daily_downtime_stats",
)
# v1's own: retention of silver and the refresh of its aggregates; one was paused by its owner.
JOBS = (
    "SELECT job_id, proc_name, schedule_interval::text, config::text, scheduled,"
    " hypertable_schema, hypertable_name FROM timescaledb_information.jobs"
    " WHERE job_id = ANY (%s) ORDER BY job_id"
)


@dataclass(repr=False)
class ArchivedJobs:
    """Jobs and aggregates of v1 before, while and after it was archived."""

    jobs: list[list[Row]] = field(default_factory=list)
    scheduled_of_v1: list[Row] = field(default_factory=list)
    data: list[dict[str, list[Row]]] = field(default_factory=list)
    refreshed: tuple[int, int] = (0, 0)


def aggregates(chain: Chain, schema: str) -> dict[str, list[Row]]:
    """All that is materialised, as text."""
    return {
        name: chain.query(f"SELECT t::text FROM {schema}.{name} AS t ORDER BY 1")
        for name in AGGREGATES
    }


@pytest.fixture(scope="module")
def archived(server: Server) -> Iterator[ArchivedJobs]:
    until = LAST_MIDNIGHT - timedelta(days=1)
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            connection.autocommit = False
            make_fleet(connection, FLEET, until=until)
            edge_case_rows(connection)
            connection.commit()
        chain.run(
            *(
                f"CALL refresh_continuous_aggregate('gold.{a}', NULL, now() - INTERVAL '1 hour')"
                for a in AGGREGATES
            )
        )
        ids = [row[0] for row in chain.query(
            "SELECT job_id FROM timescaledb_information.jobs WHERE proc_name IN"
            " ('policy_retention', 'policy_refresh_continuous_aggregate') ORDER BY 1"
        )]  # fmt: skip
        assert len(ids) == 9 + len(AGGREGATES)
        # Before the expansion it would be a drift that pre-flight names.
        chain.upgrade("0106")
        chain.run(f"SELECT alter_job({ids[0]}, scheduled => false)")
        seen = ArchivedJobs()
        seen.jobs.append(chain.query(JOBS, ids))
        seen.data.append(aggregates(chain, "gold"))
        chain.upgrade()
        seen.jobs.append(chain.query(JOBS, ids))
        seen.data.append(aggregates(chain, "_archive"))
        seen.scheduled_of_v1 = chain.query(
            "SELECT job_id, hypertable_name FROM timescaledb_information.jobs"
            " WHERE hypertable_schema = '_archive' AND scheduled"
        )
        chain.downgrade("0001")
        seen.jobs.append(chain.query(JOBS, ids))
        seen.data.append(aggregates(chain, "gold"))
        # v1 goes on, and so do its aggregates.
        count = "SELECT sum(total_cycles)::integer FROM gold.hourly_production_stats"
        before = chain.value(count)
        chain.run(
            "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
            f" VALUES ('{until}', 'COMP-01', 'CNC-00001')",
            f"CALL run_job({ids[-1]})",
            "CALL refresh_continuous_aggregate('gold.hourly_production_stats', NULL,"
            " now() - INTERVAL '1 hour')",
        )
        seen.refreshed = (before, chain.value(count))
        yield seen


def test_no_job_of_v1_is_scheduled_while_it_is_archived(archived: ArchivedJobs) -> None:
    assert archived.scheduled_of_v1 == []
    assert [row[4] for row in archived.jobs[1]] == [False] * len(archived.jobs[0])


def test_jobs_are_as_before_after_the_way_down(archived: ArchivedJobs) -> None:
    assert archived.jobs[2] == archived.jobs[0]
    # One that its owner had paused stays paused.
    assert [row[4] for row in archived.jobs[2]].count(False) == 1


@pytest.mark.parametrize("name", AGGREGATES)
def test_an_aggregate_keeps_its_data(archived: ArchivedJobs, name: str) -> None:
    before, archived_data, after = (data[name] for data in archived.data)
    assert before
    assert archived_data == before
    assert after == before


def test_a_refresh_works_again_after_the_way_down(archived: ArchivedJobs) -> None:
    before, after = archived.refreshed
    assert after == before + 1
