"""The pre-flight on live databases: v1's catalog, data that cannot be converted, adoption."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, make_url
from typer.testing import CliRunner

from setu.catalog import Catalog, render_differences
from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.cli.main import app, load_commands
from setu.errors import PreflightError, RevisionStateError
from setu.preflight import check
from setu.preflight.v1_catalog import FILE, differences_of_v1, v1_snapshot
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import BASELINE

ROOT = repository_root()
NO_PARAMETERS = {"no_parameters": True}

Check = Callable[..., None]

if not app.registered_commands:
    load_commands(app)


def execute(connection: Connection, statements: str) -> None:
    connection.exec_driver_sql(statements, execution_options=NO_PARAMETERS)


@pytest.fixture
def edition(server: Server) -> str:
    return "community" if "community" in server.capabilities else "apache"


@pytest.fixture
def v1(connection: Connection, edition: str) -> Connection:
    """A database at v1, in an open transaction."""
    for statement in BASELINE.script("up").statements(edition):
        execute(connection, statement.text)
    return connection


@pytest.fixture
def preflight(edition: str) -> Check:
    """The check as a run to the end of phase 1 makes it, on this server's edition."""

    def run(connection: Connection, current: str | None = "0001", target: str = "0109") -> None:
        check(
            connection,
            settings=Settings({"edition": edition}),
            current=current,
            target=target,
            direction="upgrade",
            root=ROOT,
        )

    return run


def test_v1_as_made_by_the_baseline_passes(v1: Connection, preflight: Check) -> None:
    preflight(v1)


def test_frozen_catalog_is_that_of_schema(v1: Connection, edition: str) -> None:
    frozen = Catalog.from_json((ROOT / FILE).read_text(encoding="utf-8"))
    found = differences_of_v1(frozen, v1_snapshot(v1, ROOT), ROOT, community=edition == "community")
    assert render_differences(found) == ""


def test_test_server_is_fit_for_the_whole_chain(
    v1: Connection, edition: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings({"edition": edition, "accept_known_bad_pair": "yes"})
    with caplog.at_level(logging.WARNING):
        check(v1, settings=settings, current="0001", target="0503", direction="upgrade", root=ROOT)
    if server.name == "embedded":
        assert "No TimescaleDB scheduler runs here" in caplog.text


def test_empty_database_passes(connection: Connection, preflight: Check) -> None:
    preflight(connection, current=None)


def test_a_database_in_latin1_is_named_and_goes_up_and_down(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    if "native" not in server.capabilities:
        pytest.skip("another encoding needs a native server")
    with chain_on(server) as other:
        name = "setu_test_preflight_latin1"
        url = make_url(other.url).set(database=name).render_as_string(hide_password=False)
        other.run(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1'"
            " LC_COLLATE 'C' LC_CTYPE 'C'"
        )
        try:
            latin1 = Chain(url, server.capabilities)
            latin1.run("CREATE EXTENSION timescaledb")
            with caplog.at_level(logging.WARNING):
                latin1.upgrade()
            assert f"Database {name} is encoded in LATIN1, not in UTF8." in caplog.text
            assert latin1.broken() == []
            latin1.downgrade("0001")
        finally:
            other.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("drift", "named"),
    [
        ("ALTER TABLE master.shifts ADD COLUMN colour text", "column master.shifts.colour"),
        (
            "ALTER TABLE master.plants ALTER COLUMN created_at SET DEFAULT clock_timestamp()",
            "column master.plants.created_at",
        ),
        ("DROP INDEX silver.machine_cycles_cycle_start_idx", "machine_cycles_cycle_start_idx"),
        ("CREATE TABLE master.own (i integer)", "unexpected: table master.own"),
        (
            "CREATE OR REPLACE FUNCTION master.get_shift_id(p_plant_id text, p_time timestamptz)"
            " RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'A' $$",
            "function master.get_shift_id",
        ),
    ],
)
def test_drifted_v1_is_named_object_by_object(
    v1: Connection, preflight: Check, drift: str, named: str
) -> None:
    execute(v1, drift)
    with pytest.raises(PreflightError, match="Nothing has been changed") as caught:
        preflight(v1)
    assert named in caught.value.message


@pytest.mark.parametrize(
    ("tuning", "named"),
    [
        ("COMMENT ON TABLE master.plants IS 'ours'", "table master.plants"),
        ("ALTER TABLE master.plants SET (fillfactor = 70)", "fillfactor=70"),
        ("ALTER INDEX master.plants_pkey SET (fillfactor = 70)", "index master.plants_pkey"),
        ("ALTER TABLE master.plants ALTER plant_name SET STATISTICS 9", "master.plants.plant_name"),
        ("CREATE INDEX own_idx ON master.plants (plant_name)", "index master.own_idx"),
        ("CREATE STATISTICS master.pair ON company_id, plant_id FROM master.plants", "master.pair"),
        (
            "REVOKE EXECUTE ON FUNCTION master.get_shift_id(text, timestamptz) FROM PUBLIC",
            "privilege function master.get_shift_id",
        ),
        (
            "SELECT public.set_chunk_time_interval('silver.machine_cycles', INTERVAL '1 day')",
            "dimension silver.machine_cycles.cycle_start",
        ),
    ],
)
def test_tuning_of_v1_is_named_and_does_not_stop_the_run(
    v1: Connection, preflight: Check, caplog: pytest.LogCaptureFixture, tuning: str, named: str
) -> None:
    execute(v1, tuning)
    with caplog.at_level(logging.WARNING):
        preflight(v1)
    assert named in caplog.text
    assert "comes back with a downgrade" in caplog.text


@pytest.mark.requires("community")
def test_another_retention_age_is_named_and_does_not_stop_the_run(
    v1: Connection, preflight: Check, caplog: pytest.LogCaptureFixture
) -> None:
    execute(
        v1,
        'SELECT public.alter_job(j.job_id, config => j.config || \'{"drop_after": "9 years"}\')'
        " FROM timescaledb_information.jobs AS j"
        " WHERE j.hypertable_name = 'machine_cycles' AND j.proc_name = 'policy_retention'",
    )
    with caplog.at_level(logging.WARNING):
        preflight(v1)
    assert "policy_retention on silver.machine_cycles" in caplog.text


def test_a_unique_index_more_stops_the_run(v1: Connection, preflight: Check) -> None:
    execute(v1, "CREATE UNIQUE INDEX own_key ON master.plants (plant_name)")
    with pytest.raises(PreflightError, match=r"index master\.own_key"):
        preflight(v1)


def test_objects_in_other_schemas_are_no_drift(v1: Connection, preflight: Check) -> None:
    execute(v1, "CREATE SCHEMA own; CREATE TABLE own.t (i integer)")
    preflight(v1)


@pytest.mark.requires("community")
def test_a_job_that_somebody_paused_is_no_drift(v1: Connection, preflight: Check) -> None:
    execute(
        v1,
        "SELECT public.alter_job(j.job_id, scheduled => false)"
        " FROM timescaledb_information.jobs AS j WHERE j.hypertable_schema = 'silver'",
    )
    preflight(v1)


def test_grants_to_other_roles_warn_only(
    v1: Connection, preflight: Check, caplog: pytest.LogCaptureFixture
) -> None:
    execute(v1, "GRANT SELECT ON master.shifts TO pg_read_all_stats")
    with caplog.at_level(logging.WARNING):
        preflight(v1)
    assert "privilege table master.shifts to pg_read_all_stats" in caplog.text


def test_default_privileges_that_would_open_v2_to_others_are_named_with_their_end(
    v1: Connection, preflight: Check
) -> None:
    execute(
        v1,
        "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO pg_monitor;"
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA gold GRANT SELECT ON TABLES TO pg_monitor;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA gold GRANT EXECUTE ON FUNCTIONS TO pg_monitor",
    )
    role = v1.exec_driver_sql("SELECT quote_ident(current_user)").scalar_one()
    everybody = f"ALTER DEFAULT PRIVILEGES FOR ROLE {role}"
    with pytest.raises(PreflightError) as caught:
        preflight(v1, target="0305")
    named = [line.strip() for line in str(caught.value).splitlines() if everybody in line]
    assert named == [
        f"{everybody} REVOKE EXECUTE ON FUNCTIONS FROM pg_monitor",
        f"{everybody} REVOKE SELECT ON TABLES FROM PUBLIC",
    ]
    execute(v1, ";".join(named))
    preflight(v1, target="0305")


def test_drift_does_not_matter_once_v1_is_left(v1: Connection, preflight: Check) -> None:
    execute(v1, "CREATE TABLE master.own (i integer)")
    preflight(v1, current="0109", target="0205")


def test_v1_without_revision_is_sent_to_adopt(v1: Connection, preflight: Check) -> None:
    with pytest.raises(PreflightError, match="setu adopt") as caught:
        preflight(v1, current=None)
    assert "master.companies" in caught.value.message


SHIFTS = """
INSERT INTO master.companies (company_id, company_name) VALUES ('C', 'c'), ('D', 'd');
INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'C'), ('P', 'D');
INSERT INTO master.shifts (shift_id, company_id, plant_id, start_time, duration_hrs) VALUES
"""


@pytest.mark.parametrize(
    "shifts",
    [
        "('A', 'C', 'P', '06:00', 8), ('B', 'C', 'P', '14:00', NULL), ('N', 'C', 'P', '22:00', 8)",
        "('A', 'C', 'P', '06:00', 24)",
        "('A', 'C', 'P', '06:00', 8), ('A', 'D', 'P', '06:00', 8)",
        "('A', 'C', 'nowhere', NULL, 99), ('B', 'C', 'nowhere', '06:00', 9)",
        "('A', 'C', 'P', '22:30', 7.5), ('B', 'C', 'P', '06:00', 16.5)",
        "('A', 'C', 'P', '24:00', 6), ('B', 'C', 'P', '06:00', 18)",
    ],
    ids=[
        "three shifts",
        "a whole day",
        "two companies",
        "no such plant",
        "across midnight",
        "at 24:00",
    ],
)
def test_shifts_that_can_be_converted_pass(v1: Connection, preflight: Check, shifts: str) -> None:
    execute(v1, SHIFTS + shifts)
    preflight(v1)


def test_a_shift_without_its_plant_is_named_with_the_companies_that_have_one(
    v1: Connection, preflight: Check, caplog: pytest.LogCaptureFixture
) -> None:
    execute(v1, "INSERT INTO master.companies (company_id, company_name) VALUES ('E', 'e')")
    execute(v1, f"{SHIFTS} ('A', 'E', 'P', '06:00', 8), ('A', 'C', 'nowhere', '06:00', 8)")
    with caplog.at_level(logging.WARNING):
        preflight(v1)
    assert (
        "company E, plant P, shift A: the plant is of another company"
        " (plant P is of company C, D)\n" in caplog.text
    )
    assert "company C, plant nowhere, shift A: no company has this plant\n" in caplog.text


@pytest.mark.parametrize(
    ("shifts", "said"),
    [
        ("('A', 'C', 'P', NULL, 8)", ["no start_time", "plant P, shift A", "1 row."]),
        ("('A', 'C', 'P', '06:00', 0)", ["duration_hrs is 0"]),
        ("('A', 'C', 'P', '06:00', -1)", ["duration_hrs is -1"]),
        ("('A', 'C', 'P', '06:00', 0.0000000001)", ["duration_hrs is 0.0000000001"]),
        ("('A', 'C', 'P', '24:00', 8), ('B', 'C', 'P', '00:00', 8)", ["shifts A and B"]),
        ("('A', 'C', 'P', '06:00', 24.5)", ["duration_hrs is 24.5"]),
        ("('A', 'C', 'P', '06:00', 'NaN')", ["duration_hrs is NaN"]),
        (
            "('A', 'C', 'P', '06:00', 9), ('B', 'C', 'P', '14:00', 8)",
            ["shifts A and B", "06:00:00 for 9 h, 14:00:00 for 8 h"],
        ),
        (
            "('A', 'C', 'P', '22:00', 8), ('B', 'C', 'P', '05:00', 8)",
            ["shifts A and B"],
        ),
        (
            "('A', 'C', 'P', '05:00', NULL), ('B', 'C', 'P', '22:00', NULL)",
            ["shifts A and B"],
        ),
        ("('A', 'C', 'P', '06:00', 24), ('B', 'C', 'P', '05:00', 0.5)", ["shifts A and B"]),
        ("('A', 'C', 'P', '06:00', 1), ('B', 'C', 'P', '06:00', 1)", ["shifts A and B"]),
        (
            "('1', 'C', 'P', NULL, 1), ('2', 'C', 'P', NULL, 1), ('3', 'C', 'P', NULL, 1),"
            "('4', 'C', 'P', NULL, 1), ('5', 'C', 'P', NULL, 1), ('6', 'C', 'P', '01:00', 99)",
            ["5 rows", "1 row.", "2 things"],
        ),
        (
            ",".join(f"('{number}', 'C', 'P', NULL, 1)" for number in range(8)),
            ["8 rows", "… and 3 more"],
        ),
    ],
)
def test_shifts_that_cannot_be_converted_are_counted_with_samples(
    v1: Connection, preflight: Check, shifts: str, said: list[str]
) -> None:
    execute(v1, SHIFTS + shifts)
    with pytest.raises(PreflightError) as caught:
        preflight(v1)
    for text in said:
        assert text in caught.value.message


#: A row that names what is not there, and what is said of it.
BROKEN = {
    "a machine of no plant": (
        "INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)"
        " VALUES ('M', 'C', 'gone', 'D', '1')",
        "machine of company C, machine M: no such plant (plant_id gone of company C)",
    ),
    "a plant of no company": (
        "INSERT INTO master.plants (plant_id, company_id) VALUES ('P', 'gone')",
        "plant of company gone, plant P: no such company (company_id gone)",
    ),
    "a rule of no company": (
        "INSERT INTO config.alert_rules (rule_id, rule_name, metric, condition_operator,"
        " threshold_value, company_id) VALUES (7, 'r', 'm', '>', '1', 'gone')",
        "alert rule of rule_id 7: no such company (company_id gone)",
    ),
    "a subscription of no rule and no user": (
        "INSERT INTO config.alert_subscriptions (subscription_id, rule_id, user_id, company_id)"
        " VALUES (7, 8, 'gone', 'C')",
        "alert subscription of subscription_id 7: no such user (user_id gone of company C)",
    ),
    "an active alert of no machine": (
        "INSERT INTO alerting.active_alerts VALUES ('C', 'gone', 8, now(), now())",
        "active alert of company C, machine gone, rule 8: no such machine (machine_id gone of"
        " company C)",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_rows_that_v1s_own_foreign_keys_forbid_are_named(
    v1: Connection, preflight: Check, kind: str
) -> None:
    statement, said = BROKEN[kind]
    execute(v1, SHIFTS + "('A', 'C', 'P', '06:00', 8)")
    execute(v1, f"SET LOCAL session_replication_role = replica; {statement}")
    execute(v1, "SET LOCAL session_replication_role = origin")
    with pytest.raises(PreflightError) as caught:
        preflight(v1)
    assert said in str(caught.value)
    assert "v1's own foreign keys forbid" in str(caught.value)


def test_references_of_which_a_part_is_null_refer_to_nothing(
    v1: Connection, preflight: Check
) -> None:
    execute(v1, SHIFTS + "('A', 'C', 'P', '06:00', 8)")
    execute(
        v1,
        "INSERT INTO config.alert_subscriptions (user_id, company_id)"
        " VALUES ('gone', NULL), (NULL, 'C'), (NULL, NULL);"
        "INSERT INTO master.users (user_id, company_id) VALUES ('U', 'C')",
    )
    preflight(v1)


def test_a_function_that_would_be_taken_for_one_of_postgresql_is_named(
    v1: Connection, preflight: Check
) -> None:
    execute(v1, "CREATE FUNCTION public.concat(text, text) RETURNS text LANGUAGE sql RETURN $1")
    execute(v1, "CREATE FUNCTION public.round(float8, int) RETURNS float8 LANGUAGE sql RETURN $1")
    with pytest.raises(PreflightError, match="in place of PostgreSQL's own") as caught:
        preflight(v1)
    assert "public.concat(text,text)" in str(caught.value)
    assert "round" not in str(caught.value)


def test_missing_extension_is_said_with_the_command(
    connection: Connection, preflight: Check
) -> None:
    execute(connection, "DROP EXTENSION timescaledb")
    with pytest.raises(PreflightError, match="CREATE EXTENSION timescaledb"):
        preflight(connection, current=None)


def test_apache_edition_must_be_chosen(connection: Connection, edition: str) -> None:
    if edition == "community":
        pytest.skip("needs a server of the Apache edition")
    with pytest.raises(PreflightError, match="-x edition=apache"):
        check(
            connection,
            settings=Settings(),
            current=None,
            target="0503",
            direction="upgrade",
            root=ROOT,
        )


def test_read_only_database_is_refused(connection: Connection, preflight: Check) -> None:
    execute(connection, "SET LOCAL default_transaction_read_only = on")
    with pytest.raises(PreflightError, match="default_transaction_read_only is on"):
        preflight(connection, current=None)


def test_role_without_rights_is_told_which(v1: Connection, preflight: Check) -> None:
    execute(v1, "CREATE ROLE setu_test_deploy; SET LOCAL ROLE setu_test_deploy")
    with pytest.raises(PreflightError) as caught:
        preflight(v1, target="0503")
    message = caught.value.message
    assert "may not create schemas in database" in message
    assert "may not create roles" in message
    assert "does not own" in message
    assert "alerting.active_alerts (owner" in message
    with pytest.raises(PreflightError, match="setu adopt"):
        preflight(v1, current=None)
    v1.rollback()


def test_check_changes_nothing_and_keeps_the_transaction(v1: Connection, preflight: Check) -> None:
    execute(v1, "SET LOCAL timezone = 'Asia/Kolkata'")
    before = v1_snapshot(v1, ROOT)
    preflight(v1)
    assert v1.in_transaction()
    assert v1.exec_driver_sql("SHOW timezone").scalar_one() == "Asia/Kolkata"
    assert v1_snapshot(v1, ROOT) == before


def test_downgrade_is_not_held_up_by_v1_rules(v1: Connection, edition: str) -> None:
    # This database never went up, so that is all that stands against its way down.
    with pytest.raises(PreflightError, match="1 thing stands against this run") as refused:
        check(
            v1,
            settings=Settings({"edition": edition}),
            current="0109",
            target="0001",
            direction="downgrade",
            root=ROOT,
        )
    assert "no longer in _archive" in str(refused.value)


class TestAdopt:
    """``setu adopt``, as a person runs it."""

    @pytest.fixture
    def adopt(
        self, database_url: str, edition: str, monkeypatch: pytest.MonkeyPatch
    ) -> Callable[[], None]:
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.chdir(ROOT)

        def run() -> None:
            result = CliRunner().invoke(
                app, ["adopt", "-x", f"edition={edition}"], catch_exceptions=False
            )
            assert result.exit_code == 0

        return run

    def revision(self, connection: Connection) -> str:
        found = connection.exec_driver_sql("SELECT version_num FROM _setu.version").scalar_one()
        return str(found)

    def test_v1_is_marked_and_left_as_it_is(
        self, v1: Connection, adopt: Callable[[], None]
    ) -> None:
        before = v1_snapshot(v1, ROOT)
        v1.commit()
        v1.detach()
        v1.close()
        adopt()
        with v1.engine.connect() as again:
            assert self.revision(again) == "0001"
            assert v1_snapshot(again, ROOT) == before

    def test_second_adoption_is_refused(self, v1: Connection, adopt: Callable[[], None]) -> None:
        v1.commit()
        v1.close()
        adopt()
        with pytest.raises(RevisionStateError, match="in the chain already, at 0001"):
            adopt()

    def test_drifted_v1_is_not_marked(self, v1: Connection, adopt: Callable[[], None]) -> None:
        execute(v1, "ALTER TABLE master.shifts DROP COLUMN shift_name")
        v1.commit()
        v1.close()
        with pytest.raises(PreflightError, match=r"missing: column master\.shifts\.shift_name"):
            adopt()
        with v1.engine.connect() as again:
            query = "SELECT to_regclass('_setu.version')"
            assert again.exec_driver_sql(query).scalar_one() is None

    def test_database_without_v1_is_refused(
        self, connection: Connection, adopt: Callable[[], None]
    ) -> None:
        connection.close()
        with pytest.raises(PreflightError, match="no v1 in this database"):
            adopt()
