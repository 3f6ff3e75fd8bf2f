"""What v1 had comes back whole: owners, grants, comments, options, schedules."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from setu.catalog import differences, render_differences
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")
DASHBOARD = f"dashboard_{os.getpid()}"
OTHER = f"other_owner_{os.getpid()}"

#: What a customer may have made of v1's own objects, beside what v1 is.
TUNING = (
    f"GRANT USAGE ON SCHEMA gold, silver, master TO {DASHBOARD}",
    "GRANT USAGE ON SCHEMA gold TO PUBLIC",
    f"GRANT SELECT ON gold.v_oee_dashboard, gold.v_production_dashboard TO {DASHBOARD}",
    f"GRANT SELECT ON gold.v_live_machine_status TO {DASHBOARD} WITH GRANT OPTION",
    f"GRANT SELECT ON gold.hourly_production_stats, silver.machine_cycles TO {DASHBOARD}",
    f"GRANT SELECT (machine_id) ON master.machine_info TO {DASHBOARD}",
    f"GRANT EXECUTE ON FUNCTION gold.get_home_screen_stats(text) TO {DASHBOARD}",
    "REVOKE EXECUTE ON FUNCTION gold.get_cycle_summary(text, text, timestamptz, timestamptz)"
    " FROM PUBLIC",
    f"ALTER VIEW gold.v_oee_dashboard OWNER TO {OTHER}",
    "ALTER VIEW gold.v_downtime_dashboard SET (security_barrier = true)",
    "COMMENT ON VIEW gold.v_oee_dashboard IS 'the board in hall 3'",
    "COMMENT ON FUNCTION master.get_shift_id(text, timestamptz) IS 'ours'",
    "COMMENT ON TABLE silver.machine_cycles IS 'cycles'",
    "ALTER FUNCTION gold.get_home_screen_stats(text) COST 5000",
    f"ALTER PROCEDURE alerting.proc_run_engine() OWNER TO {OTHER}",
    "ALTER TABLE master.plants SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)",
    "ALTER TABLE silver.machine_cycles SET (autovacuum_analyze_threshold = 5000)",
    "ALTER TABLE silver.machine_cycles ALTER COLUMN machine_id SET STATISTICS 500",
    "ALTER TABLE master.users REPLICA IDENTITY FULL",
    "CREATE STATISTICS master.plant_pair ON company_id, plant_id FROM master.plants",
    "CREATE INDEX own_idx ON master.plants (plant_name)",
    "SELECT alter_job(j.job_id, schedule_interval => INTERVAL '7 hours')"
    " FROM timescaledb_information.jobs AS j"
    " WHERE j.hypertable_name = 'machine_cycles' AND j.proc_name = 'policy_retention'",
    "SELECT alter_job(j.job_id, schedule_interval => INTERVAL '17 minutes')"
    " FROM timescaledb_information.jobs AS j"
    " WHERE j.proc_name = 'policy_refresh_continuous_aggregate'",
)


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """v1 as a customer may have it."""
    with chain_on(server) as chain:
        chain.run(f"CREATE ROLE {DASHBOARD}", f"CREATE ROLE {OTHER}")
        try:
            chain.upgrade("0001")
            chain.run(*TUNING)
            yield chain
        finally:
            for role in (DASHBOARD, OTHER):
                chain.run(
                    f"REASSIGN OWNED BY {role} TO CURRENT_USER",
                    f"DROP OWNED BY {role} CASCADE",
                    f"DROP ROLE {role}",
                )


def test_owners_grants_comments_options_and_schedules_come_back(chain: Chain) -> None:
    before = chain.catalog()
    chain.upgrade()
    chain.downgrade("0001")
    assert render_differences(differences(before, chain.catalog())) == ""
