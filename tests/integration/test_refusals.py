"""Every refusal of a step: pre-flight finds its cause first, or the reason why it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from setu.chain.repository import SWAP_REVISION
from setu.chain.step import Part
from setu.db.connection import connected
from setu.errors import PreflightError
from setu.preflight import Plan
from setu.preflight.in_the_way import in_the_way
from setu.review.undoing import bodies_of, raised
from setu.review.undoing import refusals as step_refusals
from tests.chain import HEAD, REVISIONS, STEPS, Chain, chain_on
from tests.servers.at_hand import Server
from tests.v2 import Plant

#: Refusals whose cause pre-flight finds: the text, and the test that plants the cause.
FOUND = {
    "cannot drop the v1 schema because % of its tables hold rows": "rows before base",
    "cannot go back to v1 because it has no machines without a plant or a device": "machine",
    "cannot go back to v1 because its machines and plants stay with their company": "company",
    "cannot go back to v1 because its rows are no longer in _archive": "archive by hand",
    "cannot restore %.% because _archive.% is not there": "archive by hand",
    "cannot restore %.% because it is no longer in _archive": "code by hand",
    "cannot take the rights of the roles of setu because they own objects here": "owned object",
    "cannot restore archived v2 tables because their columns differ from schema_new": "changed",
    "cannot let role % connect because % may not grant it on database %": "test_preflight_rules.py",
    "cannot let role setu_etl use schema % because % may not grant it": "test_owners.py",
    "cannot swap because v2 cannot hold some shifts of v1": "test_preflight.py",
    "cannot swap because v2 does not know some licence types of v1": "test_preflight.py",
    "cannot keep shift % of plant % because it overlaps shift % (%)": "test_preflight.py",
    "cannot go on because v2 cannot hold some rows that v1 has written": "long key",
    "cannot keep shift % of plant % in a repeatable read transaction": "test_sessions.py",
}
#: Refusals that no look at the database can foresee, each with its reason.
UNFORESEEN = {
    "cannot swap because chunks of v1 are not migrated yet": "the step before it migrates them",
    "cannot swap at once because % notes on changes of v1 are left": "tried again, as for a lock",
    "cannot swap at once because v1 has just changed rows among many others": "tried again",
    "cannot swap back at once because % rows have just changed under v2": "tried again",
    "cannot drop the aggregates because a refresh is still at work": "tried again",
    "other sessions use %": "tried again, as for a lock",
    "cannot go on because v2 does not hold what v1 holds": "a check of SETU's own work",
    "% rows of v1's % from % on have no row in v2": "a check of SETU's own work",
    "cannot change shift % of plant % on % because it has begun": "for people",
    "cannot keep plant % in the time zone % because it is not the name of a region": "for people",
    "cannot insert into %.% because this database is on its way between v1 and v2": "for senders",
}


@cache
def refusals() -> frozenset[str]:
    """What the steps refuse: in their blocks, in all functions that these call, and in triggers.

    What a block handles is no refusal; functions that people or loads call later are not among it.
    """
    bodies = bodies_of(STEPS)
    found: set[str] = set()
    for step in STEPS:
        for part in ("up", "down"):
            chosen: Part = "up" if part == "up" else "down"
            found |= set(step_refusals(step, chosen, bodies, "community"))
            for statement in step.script(chosen).all_statements:
                if "RETURNS trigger" in statement.text:
                    found |= {message for message, _ in raised(statement.text)}
    return frozenset(message.replace("%", "…") for message in found)


def test_every_refusal_of_a_step_is_found_first_or_says_why_not() -> None:
    known = {text.replace("%", "…") for text in (*FOUND, *UNFORESEEN)}
    assert refusals() - known == set(), "teach pre-flight their cause, or say why it cannot know"
    assert known - refusals() == set(), "these are gone"


def test_a_refusal_is_read_from_blocks_and_from_what_they_call_but_not_where_it_is_handled() -> (
    None
):
    bodies = {"_archive.f": "BEGIN RAISE EXCEPTION 'cannot % because ' 'of it', x; END"}
    assert list(raised(bodies["_archive.f"])) == [("cannot % because of it", "")]
    [step] = [step for step in STEPS if step.revision == "0205"]
    assert not any("no machine with" in m for m in step_refusals(step, "up", bodies_of(STEPS), ""))
    assert any("raw_telemetry" in s.text for s in step.script("up").all_statements)


@pytest.fixture(scope="module")
def v2(server: Server) -> Iterator[Chain]:
    """A database at the head that went through the chain; a test puts right what it does."""
    with chain_on(server) as chain:
        chain.upgrade()
        yield chain


def refused(chain: Chain, move: Callable[[], None], *said: str) -> None:
    """The move is refused by pre-flight, and the database stands where it stood."""
    before = chain.revision()
    with pytest.raises(PreflightError, match="Nothing has been changed") as caught:
        move()
    for text in said:
        assert text in str(caught.value)
    assert chain.revision() == before


pytestmark = pytest.mark.requires("multi_session", "community")


def test_rows_stop_a_downgrade_to_base_at_the_head(v2: Chain) -> None:
    v2.run("INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')")
    refused(v2, lambda: v2.downgrade("base"), "master.companies", "Stay at 0001")
    v2.run("DELETE FROM master.companies")


def test_a_machine_without_a_plant_stops_a_downgrade_at_the_head(v2: Chain) -> None:
    v2.run(
        "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')",
        "INSERT INTO master.machine_info (machine_id, company_iot_id, source_iot_id)"
        " SELECT 'M', iot_id, 'I' FROM master.companies",
    )
    refused(v2, lambda: v2.downgrade("0001"), "M: no device", "plant_machine_mapping")
    v2.run("DELETE FROM master.machine_info", "DELETE FROM master.companies")


def test_a_machine_that_moved_to_another_company_stops_a_downgrade_at_the_head(
    v2: Chain,
) -> None:
    v2.run(
        "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c'), ('E', 'e')",
        "INSERT INTO master.plants (company_iot_id, plant_id)"
        " SELECT iot_id, 'P-' || company_id FROM master.companies",
        "INSERT INTO master.device_info (device_id) VALUES ('D')",
        "INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id,"
        " source_iot_id) SELECT 'M', c.iot_id, d.device_iot_id, 'I'"
        " FROM master.companies AS c CROSS JOIN master.device_info AS d WHERE c.company_id = 'C'",
        "INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)"
        " SELECT m.company_iot_id, p.iot_id, m.iot_id FROM master.machine_info AS m"
        " INNER JOIN master.plants AS p USING (company_iot_id)",
        # As an earlier way back has left it.
        "SELECT _archive.migrate_master_back()",
        "DELETE FROM master.plant_machine_mapping",
        "UPDATE master.machine_info SET company_iot_id ="
        " (SELECT iot_id FROM master.companies WHERE company_id = 'E')",
        "INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id, machine_iot_id)"
        " SELECT m.company_iot_id, p.iot_id, m.iot_id FROM master.machine_info AS m"
        " INNER JOIN master.plants AS p USING (company_iot_id)",
    )
    refused(v2, lambda: v2.downgrade("0001"), "machine M", "moved to company E")
    v2.run(
        "DELETE FROM master.plant_machine_mapping",
        "DELETE FROM master.machine_info",
        "DELETE FROM master.device_info",
        "DELETE FROM master.plants",
        "DELETE FROM master.companies",
        "DELETE FROM _archive.machine_keys",
        "DELETE FROM _archive.plant_keys",
        "DELETE FROM _archive.company_keys",
        "DELETE FROM _archive.machine_info",
        "DELETE FROM _archive.plants",
        "DELETE FROM _archive.companies",
    )


def test_a_frozen_chunk_that_rows_go_back_into_stops_a_downgrade_at_the_head(
    server: Server,
) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')",
            "INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'C')",
            "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
            " VALUES ('M', 'C', 'P', 'D', 'I')",
            "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
            " VALUES (now() - INTERVAL '40 days', 'C', 'M'), (now(), 'C', 'M')",
        )
        chunk = chain.value("SELECT c::text FROM show_chunks('silver.machine_cycles') AS c LIMIT 1")
        chain.run(f"SELECT _timescaledb_functions.freeze_chunk('{chunk}')")
        chain.upgrade()
        late = (
            "INSERT INTO silver.machine_cycles (company_iot_id, machine_iot_id, cycle_start,"
            " shift_id, logical_date) SELECT company_iot_id, machine_iot_id,"
            " cycle_start + INTERVAL '1 minute', 0, logical_date FROM silver.machine_cycles"
            " ORDER BY cycle_start {} LIMIT 1"
        )
        chain.run(late.format("DESC"))
        chain.downgrade("0001")
        chain.upgrade()
        chain.run(late.format("ASC"))
        refused(
            chain,
            lambda: chain.downgrade("0001"),
            "Chunks of v1's tables are frozen, and rows that came under v2 go back into them.",
            chunk,
            "unfreeze_chunk",
        )
        chain.run(f"SELECT _timescaledb_functions.unfreeze_chunk('{chunk}')")
        chain.downgrade("0001")
        assert chain.value("SELECT count(*) FROM silver.machine_cycles") == 4


@pytest.mark.parametrize(
    ("planted", "put_right", "named"),
    [
        ("CREATE TABLE _etl.notes (i integer)", "DROP TABLE _etl.notes", "_etl.notes"),
        ("CREATE VIEW _etl.v_mine AS SELECT 1 AS one", "DROP VIEW _etl.v_mine", "_etl.v_mine"),
        ("CREATE FUNCTION _etl.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
         "DROP FUNCTION _etl.mine()", "_etl.mine()"),
        ("CREATE TYPE _etl.mood AS ENUM ('calm')", "DROP TYPE _etl.mood", "_etl.mood"),
        ("CREATE TABLE bronze.raw_telemetry (i integer)", "DROP TABLE bronze.raw_telemetry",
         "bronze.raw_telemetry"),
        ("CREATE VIEW master.shifts AS SELECT 1 AS one", "DROP VIEW master.shifts",
         "master.shifts"),
        ("CREATE FUNCTION master.get_shift_id(text, timestamptz) RETURNS integer LANGUAGE sql"
         " AS 'SELECT 1'", "DROP FUNCTION master.get_shift_id(text, timestamptz)",
         "master.get_shift_id(text, timestamp with time zone)"),
        ("CREATE SCHEMA _stage", "DROP SCHEMA _stage", "_stage"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_stops_a_downgrade_at_the_head(
    v2: Chain, planted: str, put_right: str, named: str
) -> None:
    v2.run(planted)
    try:
        refused(v2, lambda: v2.downgrade("0001"), named)
    finally:
        v2.run(put_right)


def test_an_object_of_ones_own_in_a_schema_of_v1_stops_a_downgrade_to_base_alone(
    v2: Chain,
) -> None:
    v2.run("CREATE TABLE gold.own (i integer)")
    try:
        refused(v2, lambda: v2.downgrade("base"), "gold.own")
        with connected(v2.url, "test") as opened:
            found = in_the_way(opened, Plan("downgrade", HEAD, "0001"), v2.root)
        assert found == []
    finally:
        v2.run("DROP TABLE gold.own")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("_stage", "There is a schema _stage already, which the run would make."),
        ("_etl", "There is a schema _etl already, which the run would make."),
        ("_archive", "There is a schema _archive already, which the run would make."),
    ],
)
def test_a_schema_that_the_run_makes_stops_an_upgrade(
    server: Server, schema: str, said: str
) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(f"CREATE SCHEMA {schema}")
        refused(chain, chain.upgrade, said)


def test_what_stands_where_v1_is_archived_stops_an_upgrade(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0101")
        chain.downgrade("0001")
        chain.run(
            "CREATE TABLE _archive.plants (i integer)",
            "CREATE VIEW _archive.v_oee_dashboard AS SELECT 1 AS one",
        )
        said = "2 object(s) stand where the swap archives v1's."
        refused(chain, chain.upgrade, said)
        chain.run("DROP TABLE _archive.plants", "DROP VIEW _archive.v_oee_dashboard")
        chain.upgrade("0107")
        assert chain.revision() == "0107"


def test_what_an_interrupted_downgrade_has_restored_is_not_in_the_way(v2: Chain) -> None:
    # 0205 down commits as it goes: v1's table is back, and the revision is still 0205.
    v2.run(
        "ALTER TABLE _archive.raw_telemetry RENAME TO elsewhere",
        "CREATE TABLE bronze.raw_telemetry (i integer)",
    )
    try:
        with connected(v2.url, "test") as opened:
            assert in_the_way(opened, Plan("downgrade", "0205", "0001"), v2.root) == []
    finally:
        v2.run(
            "DROP TABLE bronze.raw_telemetry",
            "ALTER TABLE _archive.elsewhere RENAME TO raw_telemetry",
        )


def test_gateways_that_changed_their_machines_stop_no_downgrade(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        Plant(chain)
        chain.run(
            "INSERT INTO master.device_info (device_id) VALUES ('D-3')",
            "INSERT INTO master.machine_info (machine_id, company_iot_id, device_iot_id,"
            " source_iot_id) SELECT 'M-3', 1, d.device_iot_id, '1'"
            " FROM master.device_info AS d WHERE d.device_id = 'D-3'",
            "INSERT INTO master.plant_machine_mapping (company_iot_id, plant_iot_id,"
            " machine_iot_id) SELECT 1, 1, m.iot_id FROM master.machine_info AS m"
            " WHERE m.machine_id = 'M-3'",
            # As an earlier way back has left it: v1 has D-1 to D-3 on M-1 to M-3.
            "SELECT _archive.migrate_master_back()",
            # M-3 is scrapped; M-1 and M-2 change their gateways, in a ring with that of M-3.
            "DELETE FROM master.plant_machine_mapping AS p USING master.machine_info AS m"
            " WHERE m.iot_id = p.machine_iot_id AND m.machine_id = 'M-3'",
            "DELETE FROM master.machine_info WHERE machine_id = 'M-3'",
            "UPDATE master.machine_info SET device_iot_id = NULL",
            "UPDATE master.machine_info AS m SET device_iot_id = d.device_iot_id"
            " FROM master.device_info AS d"
            " WHERE (m.machine_id, d.device_id) IN (('M-1', 'D-3'), ('M-2', 'D-1'))",
        )
        chain.downgrade("0001")
        v1 = "SELECT machine_id, device_id FROM master.machine_info ORDER BY machine_id"
        assert chain.query(v1) == [
            ("M-1", "D-3"),
            ("M-2", "D-1"),
            ("M-3", "D-3, once of M-3"),
        ]
        chain.upgrade()
        v2 = (
            "SELECT m.machine_id, d.device_id FROM master.machine_info AS m"
            " INNER JOIN master.device_info AS d USING (device_iot_id) ORDER BY m.machine_id"
        )
        assert chain.query(v2)[:2] == [("M-1", "D-3"), ("M-2", "D-1")]


def test_an_object_of_a_role_of_setu_stops_a_downgrade_at_the_head(v2: Chain) -> None:
    v2.run("CREATE TABLE public.own (i integer)", "ALTER TABLE public.own OWNER TO setu_reader")
    refused(v2, lambda: v2.downgrade("0001"), "table public.own", "OWNER TO")
    v2.run("DROP TABLE public.own")


@pytest.mark.parametrize(
    ("planted", "put_right", "said"),
    [
        (
            "ALTER TABLE _archive.raw_telemetry RENAME TO gone",
            "ALTER TABLE _archive.gone RENAME TO raw_telemetry",
            "raw_telemetry",
        ),
        (
            "ALTER TABLE _archive.users RENAME TO gone",
            "ALTER TABLE _archive.gone RENAME TO users",
            "users",
        ),
        (
            "ALTER VIEW _archive.v_live_machine_status RENAME TO gone",
            "ALTER VIEW _archive.gone RENAME TO v_live_machine_status",
            "view gold.v_live_machine_status",
        ),
        (
            "ALTER FUNCTION _archive.get_shift_id(text, timestamptz) RENAME TO gone",
            "ALTER FUNCTION _archive.gone(text, timestamptz) RENAME TO get_shift_id",
            "function master.get_shift_id",
        ),
    ],
)
def test_what_was_taken_from_the_archive_stops_a_downgrade_at_the_head(
    v2: Chain, planted: str, put_right: str, said: str
) -> None:
    v2.run(planted)
    refused(v2, lambda: v2.downgrade("0001"), said, "dropped by hand")
    v2.run(put_right)


def test_an_archive_that_was_changed_stops_the_next_upgrade(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0108")
        chain.downgrade("0001")
        chain.run("ALTER TABLE _archive.v2_users ADD COLUMN colour text")
        refused(chain, chain.upgrade, "_archive.v2_users.colour")
        chain.run("ALTER TABLE _archive.v2_users DROP COLUMN colour")
        chain.upgrade()
        assert chain.revision() == HEAD


def test_a_key_that_is_too_long_is_named_with_its_row(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')",
            "INSERT INTO silver.machine_alarms (time, company_id, machine_id, alarm_no)"
            " SELECT '2025-01-01 00:00+00', 'C', 'M', string_agg(md5(i::text), '')"
            " FROM generate_series(1, 320) AS i",
        )
        refused(
            chain,
            chain.upgrade,
            "too long for v2's keys",
            "M of company C",
            "2025-01-01",
            "alarm_no",
        )


def test_the_chain_has_the_revisions_that_pre_flight_names() -> None:
    from setu.preflight import findings, way_back

    named = {findings.V1_REVISION, findings.ROLES_REVISION, findings.JOBS_REVISION}
    assert named | {SWAP_REVISION, way_back.NEEDS_ARCHIVE} <= set(REVISIONS)
