"""Each standing check, with the violation planted: it is named, and no other check is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from setu.chain.standing import standing_checks
from setu.db.connection import connected
from setu.review.verification import verify_database
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

JOB = "(SELECT min(j.job_id) FROM timescaledb_information.jobs AS j WHERE j.proc_name = '{}')"
#: check → what breaks it, and what makes it hold again.
NEVER = "SELECT 1"
PLANTED: dict[str, tuple[str, str]] = {
    "archive": (
        "ALTER TABLE _archive.plants RENAME TO plants_away",
        "ALTER TABLE _archive.plants_away RENAME TO plants",
    ),
    "asynchronous_commit": (
        "ALTER ROLE setu_etl SET synchronous_commit = on",
        "ALTER ROLE setu_etl SET synchronous_commit = off",
    ),
    "calendar": (
        "CREATE TABLE public.away AS SELECT * FROM master.calendar WHERE full_date = current_date;"
        "DELETE FROM master.calendar WHERE full_date = current_date",
        "INSERT INTO master.calendar SELECT * FROM public.away; DROP TABLE public.away",
    ),
    "column_store": (
        "CALL remove_columnstore_policy('silver.machine_energy')",
        NEVER,
    ),
    "cycle_state": (
        "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'C');"
        "INSERT INTO master.machine_info (machine_id, company_iot_id, source_iot_id)"
        " SELECT 'M', c.iot_id, 'M' FROM master.companies AS c WHERE c.company_id = 'C';"
        "INSERT INTO silver.machine_cycles"
        " (logical_date, company_iot_id, machine_iot_id, shift_id, cycle_start)"
        " SELECT '2026-01-01', m.company_iot_id, m.iot_id, 0, '2026-01-01 00:00:00+00'"
        " FROM master.machine_info AS m WHERE m.machine_id = 'M'",
        "SELECT silver.fn_rebuild_cycle_state()",
    ),
    "hypertables": (
        "ALTER SEQUENCE bronze.raw_machine_cycles_id_seq CACHE 50",
        "ALTER SEQUENCE bronze.raw_machine_cycles_id_seq CACHE 1",
    ),
    "load_jobs": (
        f"SELECT delete_job({JOB.format('sp_load_machine_energy')})",
        NEVER,
    ),
    "pipelines": (
        "ALTER VIEW _etl.v_transform_machine_energy RENAME TO v_away",
        "ALTER VIEW _etl.v_away RENAME TO v_transform_machine_energy",
    ),
    "retention": (
        "SELECT add_retention_policy('bronze.raw_machine_energy', INTERVAL '30 days')",
        "SELECT remove_retention_policy('bronze.raw_machine_energy')",
    ),
    "rights": (
        "GRANT INSERT ON silver.machine_energy TO setu_reader",
        "REVOKE INSERT ON silver.machine_energy FROM setu_reader",
    ),
    "shifts": (
        "ALTER FUNCTION master.fn_get_shift(integer, timestamptz) RENAME TO fn_away",
        "ALTER FUNCTION master.fn_away(integer, timestamptz) RENAME TO fn_get_shift",
    ),
}
COMMUNITY = ("column_store", "load_jobs", "retention")


@pytest.fixture(scope="module")
def chain(server: Server) -> Iterator[Chain]:
    """A database at the head; what a check cannot have back is planted last."""
    with chain_on(server) as chain:
        chain.upgrade()
        yield chain


def test_every_standing_check_has_its_planted_violation() -> None:
    assert sorted(PLANTED) == [check.name for check in standing_checks(ROOT)]


def test_all_hold_after_the_upgrade(chain: Chain) -> None:
    assert chain.broken() == []


FUNCTION = "master.fn_retire(text, text[])"


@pytest.mark.parametrize(
    ("break_it", "restore"),
    [
        (f"ALTER FUNCTION {FUNCTION} RESET search_path",
         f"ALTER FUNCTION {FUNCTION} SET search_path = pg_catalog, pg_temp"),
        (f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO PUBLIC",
         f"REVOKE EXECUTE ON FUNCTION {FUNCTION} FROM PUBLIC"),
        ("GRANT SELECT ON master.plants TO PUBLIC", "REVOKE SELECT ON master.plants FROM PUBLIC"),
        ("GRANT UPDATE (plant_name) ON master.plants TO setu_admin",
         "REVOKE UPDATE (plant_name) ON master.plants FROM setu_admin"),
        ("GRANT USAGE ON SEQUENCE master.plants_iot_id_seq TO setu_admin",
         "REVOKE USAGE ON SEQUENCE master.plants_iot_id_seq FROM setu_admin"),
    ],
)  # fmt: skip
def test_a_right_too_many_or_an_open_path_is_named(
    chain: Chain, break_it: str, restore: str
) -> None:
    chain.run(break_it)
    try:
        assert "rights" in chain.broken()
    finally:
        chain.run(restore)
    assert "rights" not in chain.broken()


#: What the check says of the violation planted above.
SAYS = {
    "archive": "archived tables of v1 are missing",
    "asynchronous_commit": "roles do not commit asynchronously",
    "calendar": "master.calendar lacks 1 days of this year and the next",
    "column_store": "hypertables lack their column-store settings or policy",
    "cycle_state": "silver.latest_cycle_state does not agree with silver.machine_cycles",
    "hypertables": "tables of the pipelines are not as the loads need them",
    "load_jobs": "there must be one job, fixed schedule, owner setu_etl, for each pipeline",
    "pipelines": "pipelines are not complete",
    "retention": "a retention policy on bronze would drop rows that are not loaded",
    "rights": "rights are not as they should be",
    "shifts": "",  # the function is not there
}
#: Checks that say more than one thing: what else, and what brings it about.
MORE = {
    "chunks of v1 are not reconciled": (
        "archive",
        # A row of a company that v1 never had: foreign keys would keep it away.
        "SET session_replication_role = replica;"
        "INSERT INTO _archive.machine_cycles (cycle_start, company_id, machine_id)"
        " VALUES (now(), 'none', 'none');"
        "RESET session_replication_role",
        "TRUNCATE _archive.machine_cycles",
    ),
    "rows of v1's master have no key in v2": (
        "archive",
        "INSERT INTO _archive.companies (company_id, company_name) VALUES ('none', 'none')",
        "DELETE FROM _archive.companies WHERE company_id = 'none'",
    ),
    "jobs of archived tables still run": (
        "archive",
        "SELECT alter_job(j.job_id, scheduled => true) FROM timescaledb_information.jobs AS j"
        " WHERE j.hypertable_schema = '_archive' AND j.hypertable_name = 'machine_cycles'",
        "SELECT alter_job(j.job_id, scheduled => false) FROM timescaledb_information.jobs AS j"
        " WHERE j.hypertable_schema = '_archive' AND j.scheduled",
    ),
    "the index (id, time DESC) is missing or invalid": (
        "hypertables",
        "DROP INDEX bronze.raw_machine_status_id_time_idx",
        "CREATE INDEX raw_machine_status_id_time_idx ON bronze.raw_machine_status (id, time DESC)",
    ),
    "there must be one job for _etl.sp_retain_bronze": (
        "retention",
        f"SELECT delete_job({JOB.format('sp_retain_bronze')})",
        "SELECT add_job('_etl.sp_retain_bronze', INTERVAL '1 day')",
    ),
    "roles of setu are missing": (
        "rights",
        "ALTER ROLE setu_reader RENAME TO setu_reader_away",
        "ALTER ROLE setu_reader_away RENAME TO setu_reader",
    ),
    "an instant that no shift covers must have shift 0": (
        "shifts",
        "ALTER FUNCTION master.fn_get_shift(integer, timestamptz) RENAME TO fn_away;"
        " CREATE FUNCTION master.fn_get_shift(p_plant_iot_id integer, p_time timestamptz,"
        " OUT shift_id smallint, OUT shift_name text, OUT logical_date date)"
        " LANGUAGE sql AS $$ SELECT 7::smallint, 'x', DATE '2024-01-10' $$;"
        " REVOKE ALL ON FUNCTION master.fn_get_shift(integer, timestamptz) FROM PUBLIC",
        "DROP FUNCTION master.fn_get_shift(integer, timestamptz);"
        " ALTER FUNCTION master.fn_away(integer, timestamptz) RENAME TO fn_get_shift",
    ),
    "the shift functions do not find the shifts that are defined": (
        "shifts",
        "ALTER FUNCTION master.fn_get_shift(integer, timestamptz) RENAME TO fn_away;"
        " CREATE FUNCTION master.fn_get_shift(p_plant_iot_id integer, p_time timestamptz,"
        " OUT shift_id smallint, OUT shift_name text, OUT logical_date date)"
        " LANGUAGE sql AS $$ SELECT 0::smallint, NULL, NULL::date $$;"
        "REVOKE ALL ON FUNCTION master.fn_get_shift(integer, timestamptz) FROM PUBLIC;"
        "INSERT INTO master.companies (company_id, company_name) VALUES ('S', 'S');"
        "INSERT INTO master.plants (company_iot_id, plant_id, plant_name, timezone)"
        " SELECT c.iot_id, 'S', 'S', 'Asia/Kolkata' FROM master.companies AS c"
        " WHERE c.company_id = 'S';"
        "INSERT INTO master.shift_definitions (company_iot_id, plant_iot_id, shift_id, shift_name,"
        " start_time, end_time, to_day) SELECT p.company_iot_id, p.iot_id, 1, 'Day', '06:00',"
        " '14:00', 0 FROM master.plants AS p WHERE p.plant_id = 'S'",
        "DROP FUNCTION master.fn_get_shift(integer, timestamptz);"
        " ALTER FUNCTION master.fn_away(integer, timestamptz) RENAME TO fn_get_shift",
    ),
}


def said(chain: Chain) -> dict[str, str]:
    """What each check says that does not hold."""
    with connected(chain.url, "test") as connection:
        return {
            verified.check.name: str(verified.error)
            for verified in verify_database(connection, ROOT, chain.settings)
            if verified.error is not None
        }


# What nothing makes hold again comes last.
@pytest.mark.parametrize("check", sorted(PLANTED, key=lambda name: PLANTED[str(name)][1] == NEVER))
def test_a_broken_state_is_named_by_its_check(chain: Chain, check: str) -> None:
    if check in COMMUNITY and not chain.community:
        return
    break_it, restore = PLANTED[check]
    before = said(chain)
    chain.run(break_it)
    try:
        found = said(chain)
        assert sorted(found.keys() - before.keys()) == [check]
        assert SAYS[check] in found[check]
    finally:
        chain.run(restore)


@pytest.mark.parametrize("says", MORE)
def test_each_thing_that_a_check_says_is_so(chain: Chain, says: str) -> None:
    check, break_it, restore = MORE[says]
    if not chain.community and ("job" in says or "archive" in check):
        return
    before = said(chain)
    chain.run(break_it)
    try:
        found = said(chain)
        assert {*found} - {*before} <= {check}
        assert says in found[check]
    finally:
        chain.run(restore)
