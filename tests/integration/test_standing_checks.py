"""Each standing check, with the violation planted: it is named, and no other check is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from setu.chain.standing import standing_checks
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


# What nothing makes hold again comes last.
@pytest.mark.parametrize("check", sorted(PLANTED, key=lambda name: PLANTED[str(name)][1] == NEVER))
def test_a_broken_state_is_named_by_its_check(chain: Chain, check: str) -> None:
    if check in COMMUNITY and not chain.community:
        return
    break_it, restore = PLANTED[check]
    before = chain.broken()
    chain.run(break_it)
    try:
        assert sorted({*chain.broken()} - {*before}) == [check]
    finally:
        chain.run(restore)
