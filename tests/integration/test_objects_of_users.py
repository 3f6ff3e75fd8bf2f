"""What users may have put on v1 and around it: it comes back whole, or is refused first by name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import psycopg2
import pytest
from psycopg2.extensions import quote_ident
from sqlalchemy import make_url

from setu.catalog import differences, render_differences
from setu.errors import PreflightError
from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")
SPACE, SLOT, APP = (f"{name}_{os.getpid()}" for name in ("own_space", "own_slot", "own_app"))

MASTER = (
    "INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c')",
    "INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'C')",
    "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
    " VALUES ('M', 'C', 'P', 'D', 'I')",
    "INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time)"
    " VALUES ('A', 'C', 'P', '06:00')",
    "INSERT INTO master.downtime_codes (down_id, down_code, company_id) VALUES (1, 'x', 'C')",
    "INSERT INTO master.users (user_id, company_id) VALUES ('U', 'C')",
    "INSERT INTO master.production_targets (machine_id, company_id) VALUES ('M', 'C')",
    "INSERT INTO config.alert_rules (rule_name, metric, condition_operator, threshold_value)"
    " VALUES ('r', 'm', '>', '1')",
    "INSERT INTO config.alert_subscriptions (rule_id, user_id, company_id) VALUES (1, 'U', 'C')",
    "INSERT INTO master.machine_assets (asset_id, machine_id, company_id) VALUES ('A', 'M', 'C')",
    "INSERT INTO alerting.active_alerts VALUES ('C', 'M', 1, now(), now())",
    "INSERT INTO silver.machine_cycles (cycle_start, company_id, machine_id)"
    " SELECT now() - i * INTERVAL '1 hour', 'C', 'M' FROM generate_series(1, 50) AS t (i)",
)
STAMPED = (
    "master.companies",
    "master.machine_info",
    "master.shifts",
    "master.downtime_codes",
    "master.users",
    "master.production_targets",
    "config.alert_rules",
    "config.alert_subscriptions",
)
V2_STAMPED = (
    "master.companies",
    "master.machine_info",
    "master.plant_machine_mapping",
    "master.shift_definitions",
    "master.downtime_codes",
    "master.users",
    "master.machine_assets",
    "master.production_targets",
    "config.alert_rules",
    "config.alert_subscriptions",
    "alerting.active_alerts",
)
#: None of it stands against an upgrade, and all of it is as it was after the way down.
KEPT = (
    f"ALTER TABLE silver.machine_cycles SET TABLESPACE {SPACE}",
    f"ALTER TABLE master.plants SET TABLESPACE {SPACE}",
    f"ALTER INDEX master.companies_pkey SET TABLESPACE {SPACE}",
    "CREATE SCHEMA reports",
    "CREATE TABLE reports.audit (what text)",
    "CREATE FUNCTION reports.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
    " $$ BEGIN INSERT INTO reports.audit VALUES (TG_TABLE_NAME); RETURN NEW; END $$",
    "CREATE TRIGGER own AFTER INSERT OR UPDATE ON master.plants FOR EACH ROW"
    " EXECUTE FUNCTION reports.note()",
    "ALTER TABLE master.plants ENABLE ALWAYS TRIGGER own",
    "CREATE RULE own AS ON DELETE TO master.plants DO ALSO DELETE FROM reports.audit",
    # A row that nobody changed is not written to again, or this would change it.
    "CREATE FUNCTION reports.stamp() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN NEW.created_at := clock_timestamp(); RETURN NEW; END $$",
    "CREATE FUNCTION reports.stamp_alert() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN NEW.last_checked_at := clock_timestamp(); RETURN NEW; END $$",
    *(
        f"CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
        " EXECUTE FUNCTION reports.stamp()"
        for table in STAMPED
    ),
    "CREATE TRIGGER own AFTER INSERT ON silver.machine_cycles FOR EACH ROW"
    " EXECUTE FUNCTION reports.note()",
    "CREATE VIEW reports.starts AS SELECT cycle_start, machine_id FROM silver.machine_cycles",
    "CREATE VIEW reports.days AS SELECT cycle_start::date AS day, count(*) FROM reports.starts"
    " GROUP BY 1",
    "CREATE MATERIALIZED VIEW reports.kept AS SELECT day FROM reports.days",
    "CREATE UNIQUE INDEX ON reports.kept (day)",
    "CREATE TABLE reports.notes (company_id text)",
    "ALTER TABLE reports.notes ADD FOREIGN KEY (company_id) REFERENCES master.companies NOT VALID",
    "CREATE EXTENSION pg_trgm SCHEMA silver",
    "CREATE INDEX machine_info_trgm ON master.machine_info USING gin"
    " (machine_id silver.gin_trgm_ops)",
    "CREATE DOMAIN reports.plant AS text CHECK (VALUE <> '')",
    "CREATE FUNCTION reports.company(p master.plants) RETURNS text LANGUAGE sql"
    " RETURN p.company_id",
    "CREATE STATISTICS reports.pair ON plant_id, company_id FROM master.plants",
    # Names that v2's own indexes have, each in its schema.
    "CREATE INDEX machine_status_event_time_idx ON silver.machine_status (machine_id)",
    "CREATE INDEX machine_info_company_iot_id_idx ON master.machine_info (company_id)",
    "CREATE PUBLICATION own_some FOR TABLE master.plants (plant_id, company_id)"
    " WHERE (plant_id <> 'x')",
    "CREATE PUBLICATION own_silver FOR TABLE silver.machine_status, alerting.history",
    "CREATE PROCEDURE reports.sum_up(job_id integer, config jsonb) LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM count(*) FROM silver.machine_cycles; END $$",
    "SELECT add_job('reports.sum_up', INTERVAL '1 hour')",
    "SELECT add_reorder_policy('silver.machine_cycles', 'machine_cycles_cycle_start_idx')",
    f"ALTER ROLE {APP} SET statement_timeout = '5ms'",
)


@pytest.fixture
def site(server: Server) -> Iterator[Chain]:
    """v1 of an owner who has a statement timeout, and a tablespace."""
    with chain_on(server) as chain:
        with chain.session() as session, session.cursor() as cursor:
            cursor.execute("SET allow_in_place_tablespaces = on")
            cursor.execute(f"CREATE TABLESPACE {SPACE} LOCATION ''")
        chain.run(f"CREATE ROLE {APP} LOGIN SUPERUSER")
        try:
            owner = make_url(chain.url).set(username=APP).render_as_string(hide_password=False)
            Chain(owner, server.capabilities).upgrade("0001")
            yield chain
        finally:
            with suppress(psycopg2.Error):
                chain.run(f"SELECT pg_drop_replication_slot('{SLOT}')")
            chain.run(
                f"REASSIGN OWNED BY {APP} TO CURRENT_USER",
                f"DROP OWNED BY {APP} CASCADE",
                f"DROP ROLE {APP}",
            )
    connection = psycopg2.connect(server.url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLESPACE {SPACE}")
    connection.close()


def test_what_hangs_on_v1_and_around_it_is_as_it_was_after_up_and_down(site: Chain) -> None:
    site.run(*MASTER, *KEPT)
    logical = site.value("SELECT current_setting('wal_level') = 'logical'")
    if logical:
        site.run(f"SELECT pg_create_logical_replication_slot('{SLOT}', 'test_decoding')")
    before, rows = site.catalog(), site.rows(*STAMPED)
    site.upgrade("head", "dependents=leave")
    assert site.broken() == []
    site.run(
        "UPDATE master.plants SET plant_name = 'new'",
        *(
            f"CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION reports.stamp{'_alert' * (table == 'alerting.active_alerts')}()"
            for table in V2_STAMPED
        ),
    )
    v2_rows = site.rows(*V2_STAMPED)
    site.downgrade("0001", "dependents=leave")
    assert render_differences(differences(before, site.catalog())) == ""
    assert site.rows(*STAMPED) == rows
    # The triggers fire again, the views read v1, and the slot can be read over all of it.
    noted = "SELECT count(*) FROM reports.audit WHERE what = %s"
    fired = site.value(noted, "plants")
    site.run(
        "UPDATE master.plants SET plant_name = 'later'",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY reports.kept",
    )
    assert site.value(noted, "plants") == fired + 1
    assert site.value("SELECT sum(d.count) FROM reports.days AS d") == 50
    if logical:
        changes = f"SELECT count(*) FROM pg_logical_slot_get_changes('{SLOT}', NULL, NULL)"
        assert site.value(changes) > 0
    site.upgrade("head", "dependents=leave")
    assert site.revision() == HEAD
    assert site.rows(*V2_STAMPED) == v2_rows


#: Statement, how the finding names what it made.
REFUSED = {
    "row security that is forced": (
        "ALTER TABLE master.users ENABLE ROW LEVEL SECURITY;"
        " ALTER TABLE master.users FORCE ROW LEVEL SECURITY",
        "table master.users",
        "ALTER TABLE master.users NO FORCE ROW LEVEL SECURITY;"
        " ALTER TABLE master.users DISABLE ROW LEVEL SECURITY",
    ),
    "a generated column": (
        "ALTER TABLE master.plants ADD own text GENERATED ALWAYS AS (plant_name || 'x') STORED",
        "column master.plants.own",
        "ALTER TABLE master.plants DROP COLUMN own",
    ),
    "a column of a domain": (
        "CREATE DOMAIN public.own AS text; ALTER TABLE master.users ADD own public.own",
        "column master.users.own",
        "ALTER TABLE master.users DROP COLUMN own; DROP DOMAIN public.own",
    ),
    "an exclusion constraint": (
        "ALTER TABLE master.plants ADD CONSTRAINT own EXCLUDE (plant_id WITH =)",
        "constraint master.plants.own",
        "ALTER TABLE master.plants DROP CONSTRAINT own",
    ),
    "a check": (
        "ALTER TABLE master.plants ADD CONSTRAINT own CHECK (plant_id <> '')",
        "constraint master.plants.own",
        "ALTER TABLE master.plants DROP CONSTRAINT own",
    ),
    "a unique index": (
        "CREATE UNIQUE INDEX own ON master.plants (plant_name) WHERE plant_name <> ''",
        "index master.own",
        "DROP INDEX master.own",
    ),
    "a column store": (
        "ALTER TABLE silver.machine_cycles SET (timescaledb.compress,"
        " timescaledb.compress_segmentby = 'machine_id')",
        "hypertable silver.machine_cycles",
        "ALTER TABLE silver.machine_cycles SET (timescaledb.compress = false)",
    ),
    "a table of a name of v2's": (
        "CREATE TABLE silver.latest_cycle_state (i integer)",
        "table silver.latest_cycle_state",
        "DROP TABLE silver.latest_cycle_state",
    ),
    "a view of a name of v2's": (
        "CREATE VIEW gold.v_machine_shifts AS SELECT 1 AS one",
        "view gold.v_machine_shifts",
        "DROP VIEW gold.v_machine_shifts",
    ),
    "a function of a name of v2's": (
        "CREATE FUNCTION master.fn_get_shift(integer, timestamptz) RETURNS integer LANGUAGE sql"
        " AS 'SELECT 1'",
        "function master.fn_get_shift(integer, timestamp with time zone)",
        "DROP FUNCTION master.fn_get_shift(integer, timestamptz)",
    ),
    "a type of a name of v2's": (
        "CREATE TYPE silver.latest_cycle_state AS ENUM ('a')",
        "enum silver.latest_cycle_state",
        "DROP TYPE silver.latest_cycle_state",
    ),
    "a sequence of a name of v2's": (
        "CREATE SEQUENCE bronze.raw_machine_cycles",
        "sequence bronze.raw_machine_cycles",
        "DROP SEQUENCE bronze.raw_machine_cycles",
    ),
}


@pytest.fixture(scope="module")
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        yield chain


@pytest.mark.parametrize("kind", REFUSED)
def test_what_v2_would_not_have_is_refused_by_name_before_the_first_step(
    v1: Chain, kind: str
) -> None:
    made, named, undone = REFUSED[kind]
    v1.run(made)
    try:
        with pytest.raises(PreflightError) as caught:
            v1.upgrade("head", "dependents=leave")
        assert "The database is not v1 as schema/ has it" in str(caught.value)
        assert named in str(caught.value)
        assert v1.revision() == "0001"
    finally:
        v1.run(undone)


def test_implicit_casts_to_text_change_nothing_on_the_road(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            *MASTER,
            *(
                f"CREATE CAST ({kind} AS text) WITH INOUT AS IMPLICIT"
                for kind in (
                    "smallint", "integer", "bigint", "numeric", "double precision", "date",
                    "timestamptz", "interval", "uuid", "oid",
                )
            ),
        )  # fmt: skip
        before, rows = chain.catalog(), chain.rows()
        chain.upgrade()
        assert chain.broken() == []
        chain.downgrade("0001")
        assert render_differences(differences(before, chain.catalog())) == ""
        assert chain.rows() == rows
        chain.upgrade()
        assert chain.revision() == HEAD


def test_odd_names_of_database_and_roles_go_up_and_down_and_up(server: Server) -> None:
    name, pid = "we\"ird-DB%ü '{}:x", os.getpid()
    owner, deployer = f'the "app" %s\' Ä {pid}', f"Deploy-er {pid}"
    admin = psycopg2.connect(server.url)
    admin.autocommit = True
    cursor = admin.cursor()

    def quoted(text: str) -> str:
        return quote_ident(text, admin)

    try:
        cursor.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE template0")
        url = make_url(server.url).set(database=name)
        chain = Chain(url.render_as_string(hide_password=False), server.capabilities)
        chain.run(
            "CREATE EXTENSION timescaledb",
            f"CREATE ROLE {quoted(owner)} LOGIN",
            f"CREATE ROLE {quoted(deployer)} LOGIN CREATEROLE IN ROLE {quoted(owner)}",
            f"GRANT CREATE ON DATABASE {quoted(name)} TO {quoted(owner)}",
        )
        as_owner, as_deployer = (
            Chain(url.set(username=role).render_as_string(hide_password=False), server.capabilities)
            for role in (owner, deployer)
        )
        as_owner.upgrade("0001")
        v1 = chain.catalog()
        as_deployer.upgrade()
        assert chain.broken() == []
        as_deployer.downgrade("0001")
        assert render_differences(differences(v1, chain.catalog())) == ""
        as_deployer.upgrade()
        assert chain.revision() == HEAD
    finally:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
        for role in ("setu_ingest", "setu_etl", "setu_reader", "setu_admin", deployer, owner):
            with suppress(psycopg2.errors.DependentObjectsStillExist):
                cursor.execute(f"DROP ROLE IF EXISTS {quoted(role)}")
        admin.close()
