"""What hangs on v1's tables, of somebody else's: listed first, moved where safe, or left."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from setu.errors import PreflightError
from tests.chain import HEAD, Chain, Row, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")
ANALYST = f"analyst_{os.getpid()}"

MASTER = (
    "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')",
    "INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'C')",
    "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
    " VALUES ('M', 'C', 'P', 'D', 'I')",
)

#: Object, how it is named in the finding.
OBJECTS = {
    "view": (
        "CREATE VIEW reports.cycles AS SELECT machine_id, cycle_start FROM silver.machine_cycles",
        "view reports.cycles (on silver.machine_cycles)",
    ),
    "view on gold": (
        "CREATE VIEW reports.oee AS SELECT * FROM gold.v_oee_dashboard",
        "view reports.oee (on gold.v_oee_dashboard)",
    ),
    "view on a function": (
        "CREATE VIEW reports.shift AS SELECT master.get_shift_id('P', now()) AS shift",
        "view reports.shift (on master.get_shift_id(text,timestamp with time zone))",
    ),
    "materialized view": (
        "CREATE MATERIALIZED VIEW reports.plants AS SELECT * FROM master.plants",
        "materialized view reports.plants",
    ),
    "continuous aggregate": (
        "CREATE MATERIALIZED VIEW reports.daily WITH (timescaledb.continuous) AS"
        " SELECT time_bucket('1 day', cycle_start) AS day, count(*) FROM silver.machine_cycles"
        " GROUP BY 1 WITH NO DATA",
        "continuous aggregate reports.daily (on silver.machine_cycles)",
    ),
    "foreign key": (
        "CREATE TABLE reports.notes (company_id text REFERENCES master.companies)",
        "foreign key notes_company_id_fkey on reports.notes (on master.companies)",
    ),
    "function with an atomic body": (
        "CREATE FUNCTION reports.count() RETURNS bigint LANGUAGE sql"
        " BEGIN ATOMIC SELECT count(*) FROM silver.machine_cycles; END",
        "function reports.count() (on silver.machine_cycles)",
    ),
    "function of the row type": (
        "CREATE FUNCTION reports.name(p master.plants) RETURNS text LANGUAGE sql"
        " AS $$ SELECT p.plant_name $$",
        "function reports.name(master.plants) (on master.plants)",
    ),
    "trigger": (
        "CREATE TRIGGER own AFTER INSERT ON master.plants FOR EACH ROW"
        " EXECUTE FUNCTION reports.note()",
        "trigger own calls reports.note (on master.plants)",
    ),
    "rule": (
        "CREATE RULE own AS ON DELETE TO master.plants DO ALSO NOTHING",
        "rule beside DELETE own (on master.plants)",
    ),
    "row security policy": (
        "CREATE POLICY own ON master.users USING (true)",
        "row security policy own (on master.users)",
    ),
    "publication": (
        "CREATE PUBLICATION setu_test_own FOR TABLE master.plants, master.users",
        "publication setu_test_own (on master.plants, master.users)",
    ),
    "publication of a schema": (
        "CREATE PUBLICATION setu_test_own FOR TABLES IN SCHEMA master",
        "publication setu_test_own (on schema master)",
    ),
    "column of the row type": (
        "CREATE TABLE reports.kept (plant master.plants)",
        "column of the row type reports.kept.plant (on master.plants)",
    ),
    "parent table": (
        "CREATE TABLE reports.everything (plant_name text, company_id text);"
        " ALTER TABLE master.plants INHERIT reports.everything",
        "parent table reports.everything (on master.plants)",
    ),
    "default that calls a function": (
        "CREATE TABLE reports.rows (shift text DEFAULT master.get_shift_id('P', now()))",
        "object default value for column shift of table reports.rows"
        " (on master.get_shift_id(text,timestamp with time zone))",
    ),
    "check that calls a function": (
        "CREATE TABLE reports.rows (at timestamptz CHECK (master.get_shift_id('P', at) <> 'C'))",
        "object constraint rows_at_check on table reports.rows"
        " (on master.get_shift_id(text,timestamp with time zone))",
    ),
    "domain that calls a function": (
        "CREATE DOMAIN reports.instant AS timestamptz"
        " CHECK (master.get_shift_id('P', VALUE) <> 'C')",
        "(on master.get_shift_id(text,timestamp with time zone))",
    ),
    "default": (
        "CREATE TABLE reports.drawn (i bigint DEFAULT nextval('alerting.history_alert_id_seq'))",
        "default of reports.drawn (on alerting.history_alert_id_seq)",
    ),
}


@pytest.fixture(scope="module")
def v1(server: Server) -> Iterator[Chain]:
    """v1, with a schema of somebody's own; a test drops what it makes."""
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            "CREATE SCHEMA reports",
            "CREATE FUNCTION reports.note() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$",
        )
        yield chain


@pytest.mark.parametrize("kind", OBJECTS)
def test_each_kind_of_dependent_stops_the_upgrade_before_it_begins(v1: Chain, kind: str) -> None:
    made, named = OBJECTS[kind]
    v1.run(made)
    try:
        with pytest.raises(PreflightError, match="hang on tables that the swap moves") as caught:
            v1.upgrade()
        assert named in str(caught.value)
        assert "dependents=leave" in str(caught.value)
        assert v1.revision() == "0001"
    finally:
        v1.run(
            "DROP PUBLICATION IF EXISTS setu_test_own",
            # A parent takes its children with it.
            "DO $$ BEGIN ALTER TABLE master.plants NO INHERIT reports.everything;"
            " EXCEPTION WHEN undefined_table THEN NULL; END $$",
            "DROP SCHEMA reports CASCADE",
            "DROP RULE IF EXISTS own ON master.plants",
            "DROP POLICY IF EXISTS own ON master.users",
            "DROP TRIGGER IF EXISTS own ON master.plants",
            "CREATE SCHEMA reports",
            "CREATE FUNCTION reports.note() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN NULL; END $$",
        )


def test_a_publication_for_all_tables_is_refused_whatever_is_chosen(v1: Chain) -> None:
    v1.run("CREATE PUBLICATION setu_test_all FOR ALL TABLES")
    try:
        with pytest.raises(PreflightError, match="DROP PUBLICATION") as caught:
            v1.upgrade("head", "dependents=leave")
        said = "TimescaleDB makes no hypertable while a publication is for all tables"
        assert said in str(caught.value)
        assert v1.revision() == "0001"
    finally:
        v1.run("DROP PUBLICATION setu_test_all")


@pytest.mark.parametrize(
    ("made", "said", "named", "undone"),
    [
        (
            f"CREATE RULE own AS ON {event} NOTHING",
            "Rules of your own",
            "rule own (on master.plants)",
            "DROP RULE own ON master.plants",
        )
        for event in (
            "INSERT TO master.plants DO ALSO",
            "UPDATE TO master.plants DO ALSO",
            "DELETE TO master.plants DO INSTEAD",
        )
    ]
    + [
        (
            "CREATE TABLE reports.child () INHERITS (master.plants)",
            "inherit from these tables",
            "child table reports.child (on master.plants)",
            "DROP TABLE reports.child",
        )
    ],
    ids=["rule on insert", "rule on update", "rule on delete", "child table"],
)
def test_what_steps_cannot_write_beside_is_refused_whatever_is_chosen(
    v1: Chain, made: str, said: str, named: str, undone: str
) -> None:
    v1.run(made)
    try:
        for choice in ("stop", "move", "leave", "move_or_leave"):
            with pytest.raises(PreflightError, match=said) as caught:
                v1.upgrade("head", f"dependents={choice}")
            assert named in str(caught.value)
            assert "hang on tables that the swap moves" not in str(caught.value)
        assert v1.revision() == "0001"
    finally:
        v1.run(undone)


def test_a_text_that_names_a_table_is_said(v1: Chain, caplog: pytest.LogCaptureFixture) -> None:
    v1.run(
        "CREATE VIEW reports.cycles AS SELECT machine_id FROM silver.machine_cycles",
        "CREATE FUNCTION reports.total() RETURNS bigint LANGUAGE sql"
        " AS $$ SELECT count(*) FROM silver.machine_cycles $$",
        "CREATE FUNCTION reports.bare() RETURNS bigint LANGUAGE sql SET search_path = silver, own"
        " AS $$ SELECT count(*) FROM machine_cycles $$",
    )
    try:
        with caplog.at_level(logging.WARNING), pytest.raises(PreflightError):
            v1.upgrade()
        assert "Functions of your own name these tables in their text." in caplog.text
        assert "reports.total() names silver.machine_cycles" in caplog.text
        assert "reports.bare() names silver.machine_cycles" in caplog.text
    finally:
        v1.run(
            "DROP FUNCTION reports.total()",
            "DROP FUNCTION reports.bare()",
            "DROP VIEW reports.cycles",
        )


@pytest.fixture
def site(server: Server) -> Iterator[Chain]:
    """v1 with a view that can be moved, of an owner of its own, and one that cannot."""
    with chain_on(server) as chain:
        chain.run(f"CREATE ROLE {ANALYST}")
        try:
            chain.upgrade("0001")
            chain.run(
                *MASTER,
                "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
                " VALUES ('2025-01-01 00:00+00', 'C', 'M')",
                f"CREATE SCHEMA reports AUTHORIZATION {ANALYST}",
                f"GRANT USAGE ON SCHEMA silver TO {ANALYST}",
                f"GRANT SELECT ON silver.machine_cycles TO {ANALYST}",
                "CREATE VIEW reports.starts WITH (security_barrier = true) AS"
                " SELECT cycle_start, cycle_end FROM silver.machine_cycles",
                "COMMENT ON VIEW reports.starts IS 'when'",
                f"ALTER VIEW reports.starts OWNER TO {ANALYST}",
            )
            yield chain
        finally:
            chain.run(
                f"REASSIGN OWNED BY {ANALYST} TO CURRENT_USER",
                f"DROP OWNED BY {ANALYST} CASCADE",
                f"DROP ROLE {ANALYST}",
            )


def reads(chain: Chain, view: str) -> list[Row]:
    """The tables that a view reads, and its owner, options and comment."""
    return chain.query(
        "SELECT DISTINCT d.refobjid::regclass::text, pg_get_userbyid(v.relowner),"
        " v.reloptions::text, obj_description(v.oid)"
        " FROM pg_depend AS d INNER JOIN pg_rewrite AS w ON w.oid = d.objid"
        " INNER JOIN pg_class AS v ON v.oid = w.ev_class"
        " WHERE v.oid = to_regclass(%s) AND d.refobjid <> v.oid"
        " AND d.refclassid = 'pg_class'::regclass",
        view,
    )


def test_a_view_that_can_be_moved_reads_v2_and_comes_back(
    site: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    as_asked = (ANALYST, "{security_barrier=true}", "when")
    with pytest.raises(PreflightError, match="can be moved"):
        site.upgrade()
    site.upgrade("head", "dependents=move")
    assert "1 view(s) are put on the table that takes the place of theirs." in caplog.text
    assert "view reports.starts now reads the new table of the same name" in caplog.text
    assert site.revision() == HEAD
    assert reads(site, "reports.starts") == [("silver.machine_cycles", *as_asked)]
    site.run(
        "INSERT INTO silver.machine_cycles"
        " (company_iot_id, machine_iot_id, cycle_start, shift_id, logical_date)"
        " SELECT company_iot_id, iot_id, '2025-02-02 00:00+00', 0, '2025-02-02'"
        " FROM master.machine_info",
        f"SET ROLE {ANALYST}; DO $$ BEGIN ASSERT (SELECT count(*) FROM reports.starts) = 2; END $$",
    )
    site.downgrade("0001")
    assert reads(site, "reports.starts") == [("silver.machine_cycles", *as_asked)]
    assert site.value("SELECT count(*) FROM reports.starts") == 2
    site.upgrade("head", "dependents=move")
    assert reads(site, "reports.starts") == [("silver.machine_cycles", *as_asked)]


def test_what_cannot_be_moved_stops_unless_it_may_be_left(site: Chain) -> None:
    site.run("CREATE VIEW reports.machines AS SELECT machine_id FROM silver.machine_cycles")
    with pytest.raises(PreflightError) as caught:
        site.upgrade("head", "dependents=move")
    assert "view reports.machines" in str(caught.value)
    assert "reports.starts" not in str(caught.value)
    site.upgrade("head", "dependents=move_or_leave")
    assert reads(site, "reports.starts")[0][0] == "silver.machine_cycles"
    assert reads(site, "reports.machines")[0][0] == "_archive.machine_cycles"
    site.downgrade("0001", "dependents=leave")
    assert reads(site, "reports.machines")[0][0] == "silver.machine_cycles"
    assert reads(site, "reports.starts")[0][0] == "silver.machine_cycles"


def test_what_hangs_on_v2_stops_the_way_down_before_it_begins(site: Chain) -> None:
    site.upgrade("head", "dependents=move")
    site.run("CREATE VIEW reports.lag AS SELECT pipeline FROM _etl.v_pipeline_lag")
    with pytest.raises(PreflightError, match=r"view reports\.lag"):
        site.downgrade("0001")
    assert site.revision() == HEAD
