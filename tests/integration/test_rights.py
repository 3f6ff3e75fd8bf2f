"""Who may do what: the whole matrix as a golden file, and the rights at work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from tests.servers.at_hand import Server
from tests.v2 import Plant, plant_on

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "privileges.txt"
ROLES = ("PUBLIC", "setu_admin", "setu_etl", "setu_ingest", "setu_reader")
# Views that the community edition alone has.
COMMUNITY = (
    "_etl.v_compression_ratios",
    "gold.daily_",
    "gold.get_cycle_summary",
    "gold.get_downtime_summary",
    "gold.get_energy_summary",
    "gold.hourly_",
    "gold.machine_cycle_stats_hourly",
    "gold.machine_downtime_hourly",
    "gold.machine_energy_hourly",
    "gold.v_downtime_dashboard",
    "gold.v_production_dashboard",
)

MATRIX = """
WITH object AS (
    SELECT 1 AS place, n.nspname AS schema, ''::text AS name, 'schema' AS kind, n.nspacl AS acl,
        NULL::name AS col
    FROM pg_namespace AS n
    UNION ALL
    SELECT 2, n.nspname, c.relname::text,
        CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END, c.relacl,
        NULL
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'S', 'm', 'p', 'f')
    UNION ALL
    SELECT 2, n.nspname, c.relname::text, 'columns', t.attacl, t.attname
    FROM pg_attribute AS t
    INNER JOIN pg_class AS c ON c.oid = t.attrelid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE t.attacl IS NOT NULL
    UNION ALL
    SELECT 3, n.nspname, p.oid::regprocedure::text, 'routine',
        coalesce(p.proacl, acldefault('f', p.proowner)), NULL
    FROM pg_proc AS p
    INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
),
matrix AS (
    SELECT o.*, coalesce(r.rolname, CASE WHEN a.grantee = 0 THEN 'PUBLIC' END) AS role,
        a.privilege_type
    FROM object AS o
    LEFT JOIN LATERAL aclexplode(o.acl) AS a ON true
    LEFT JOIN pg_roles AS r ON r.oid = a.grantee
    WHERE o.schema IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl', '_setu')
)
SELECT g.role, g.kind,
    CASE WHEN g.name = '' THEN g.schema WHEN g.place = 3 THEN g.name
        ELSE g.schema || '.' || g.name END,
    string_agg(DISTINCT g.privilege_type, ' '), coalesce(string_agg(DISTINCT g.col, ' '), '')
FROM matrix AS g
WHERE g.role = ANY (%(roles)s)
GROUP BY g.place, 1, 2, 3, CASE WHEN g.kind = 'columns' THEN g.privilege_type END
UNION ALL
-- What none of them reaches.
SELECT '(none)', g.kind,
    CASE WHEN g.name = '' THEN g.schema WHEN g.place = 3 THEN g.name
        ELSE g.schema || '.' || g.name END, '-', ''
FROM matrix AS g
WHERE g.kind <> 'columns'
GROUP BY g.place, 2, 3
HAVING NOT coalesce(bool_or(g.role = ANY (%(roles)s)), false)
"""


def matrix(plant: Plant) -> list[tuple[str, ...]]:
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.execute(MATRIX, {"roles": list(ROLES)})
        return cursor.fetchall()


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


def test_the_matrix_of_rights_is_the_one_that_was_reviewed(plant: Plant) -> None:
    lines = []
    for role, kind, name, privileges, columns in matrix(plant):
        line = f"{role:<12} {kind:<9} {name}: {privileges}"
        lines.append(line + (f" ({columns})" if columns else ""))
    lines.sort()
    if os.environ.get("SETU_WRITE_GOLDEN"):
        GOLDEN.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    expected = GOLDEN.read_text(encoding="utf-8").splitlines()
    if not plant.chain.community:
        expected = [line for line in expected if not any(name in line for name in COMMUNITY)]
    assert lines == expected


def test_public_has_nothing() -> None:
    assert "PUBLIC" not in GOLDEN.read_text(encoding="utf-8")


ROW = "(device_id, machine_iot_id, cycle_start) VALUES ('D-1', 1, '2024-03-05')"


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("setu_ingest", f"INSERT INTO bronze.raw_machine_cycles {ROW}"),
        ("setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')"),
        ("setu_ingest", "SELECT * FROM _etl.v_device_machines"),
        ("setu_etl", "SELECT * FROM _etl.v_pipeline_lag"),
        ("setu_etl", "SELECT _etl.fn_remove_future_rows()"),
        ("setu_etl", "CALL _etl.sp_resend_rejected('machine_cycles')"),
        ("setu_etl", "SELECT silver.fn_rebuild_cycle_state()"),
        ("setu_reader", "SELECT * FROM silver.machine_cycles"),
        ("setu_reader", "SELECT * FROM _etl.v_pipeline_lag, _etl.v_last_run, _etl.v_error_rate"),
        ("setu_reader", "SELECT * FROM _etl.v_kafka_offsets, _etl.v_rejects_by_reason"),
        ("setu_reader", "SELECT * FROM _etl.v_chunk_sizes"),
        ("setu_reader", "SELECT master.fn_get_shift_id(1, now())"),
        ("setu_reader", "SELECT * FROM master.v_registered"),
        ("setu_admin", "SELECT * FROM master.v_registered, _etl.v_rejected_rows"),
        ("setu_admin", "SELECT * FROM _etl.v_unknown_codes"),
        ("setu_admin", "SELECT * FROM master.fn_register_device('D-1')"),
        ("setu_admin", "CALL _etl.sp_resend_rejected('machine_cycles')"),
    ],
)
def test_a_role_can_do_its_work(plant: Plant, role: str, statement: str) -> None:
    plant.chain.run(f"SET ROLE {role}; {statement}" if "CALL" not in statement else "SELECT 1")
    if "CALL" in statement:
        with plant.chain.session() as connection, connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")
            cursor.execute(statement)


MUST_NOT = (
    ("setu_ingest", "INSERT INTO bronze.raw_machine_cycles (id, device_id, machine_iot_id)"
     " OVERRIDING SYSTEM VALUE VALUES (1, 'D', 1)"),
    ("setu_ingest", "INSERT INTO bronze.raw_machine_cycles (time, device_id, machine_iot_id)"
     " VALUES (now(), 'D', 1)"),
    ("setu_ingest", f"INSERT INTO bronze.raw_machine_cycles {ROW} RETURNING id"),
    ("setu_ingest", "SELECT id, time FROM bronze.raw_machine_cycles"),
    ("setu_ingest", "DELETE FROM bronze.raw_machine_cycles"),
    ("setu_ingest", "SELECT nextval('bronze.raw_machine_cycles_id_seq')"),
    ("setu_ingest", "SELECT * FROM silver.machine_cycles"),
    ("setu_ingest", "SELECT * FROM master.companies"),
    ("setu_ingest", "SELECT * FROM _etl.watermarks"),
    ("setu_etl", "DELETE FROM silver.machine_cycles"),
    ("setu_etl", "TRUNCATE bronze.raw_machine_cycles"),
    ("setu_etl", "UPDATE master.plants SET timezone = 'UTC'"),
    ("setu_etl", "DELETE FROM _etl.rejected_rows"),
    ("setu_admin", "SELECT * FROM master.companies"),
    ("setu_admin", "UPDATE master.plants SET timezone = 'UTC'"),
    ("setu_admin", "INSERT INTO master.device_info (device_id) VALUES ('X')"),
    ("setu_admin", "SELECT nextval('master.machine_info_iot_id_seq')"),
    ("setu_admin", "SELECT master.fn_known_company('C')"),
    ("setu_admin", "SELECT master.fn_drop_stand_ins()"),
    ("setu_admin", "SELECT * FROM _etl.rejected_rows"),
    ("setu_admin", "UPDATE _etl.watermarks SET enabled = false"),
    ("setu_admin", "UPDATE _etl.load_settings SET sender_check = 'count'"),
    ("setu_admin", "CALL _etl.sp_discard_rejected('machine_cycles', '{1}')"),
    ("setu_admin", "CALL _etl.sp_load_machine_cycles(0, '{}')"),
    ("setu_admin", "SELECT _etl.fn_remove_future_rows()"),
    ("setu_admin", f"INSERT INTO bronze.raw_machine_cycles {ROW}"),
    ("setu_admin", "SELECT * FROM silver.machine_cycles"),
    ("setu_admin", "SELECT * FROM gold.v_live_machine_status"),
    ("setu_reader", "SELECT * FROM master.fn_register_device('X')"),
    ("setu_reader", "SELECT * FROM master.fn_retire('device', 'D-1')"),
    ("setu_reader", "CALL _etl.sp_resend_rejected('machine_cycles')"),
    ("setu_etl", "SELECT * FROM master.fn_move_machine('C', 'M-1', 'P')"),
    ("setu_ingest", "SELECT * FROM master.fn_register_device('X')"),
    ("setu_ingest", "CALL _etl.sp_resend_rejected('machine_cycles')"),
    ("setu_reader", "INSERT INTO silver.latest_cycle_state VALUES (1, now())"),
    ("setu_reader", "SELECT * FROM bronze.raw_machine_cycles"),
    ("setu_reader", "SELECT * FROM _etl.rejected_rows"),
    ("setu_reader", "SELECT _etl.fn_fence('machine_cycles')"),
    ("setu_reader", "SELECT _etl.fn_drop_bronze_chunk('machine_cycles', 'a', now(),"
     " now())"),
)  # fmt: skip


@pytest.mark.parametrize(("role", "statement"), MUST_NOT)
def test_a_role_can_do_nothing_else(plant: Plant, role: str, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        plant.chain.run(f"SET ROLE {role}; {statement}")


@pytest.fixture
def login(plant: Plant) -> Iterator[Callable[[str], psycopg2.extensions.connection]]:
    """Sessions that log in as a member of a role, and are nothing else."""
    opened: list[psycopg2.extensions.connection] = []
    made: list[str] = []

    def session(role: str) -> psycopg2.extensions.connection:
        name = f"{role}_member_{os.getpid()}"
        plant.chain.run(f"CREATE ROLE {name} LOGIN INHERIT PASSWORD 'a' IN ROLE {role}")
        made.append(name)
        url = make_url(plant.chain.url).set(username=name, password="a")
        opened.append(psycopg2.connect(url.render_as_string(hide_password=False)))
        opened[-1].autocommit = True
        return opened[-1]

    yield session
    for connection in opened:
        connection.close()
    for name in made:
        plant.chain.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


#: What none of the roles may, whatever else it may.
NOBODY = (
    "CREATE SCHEMA own",
    *(f"CREATE TABLE {schema}.own (i integer)" for schema in ("master", "silver", "gold", "_etl")),
    "CREATE FUNCTION master.own() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE silver.machine_cycles ADD COLUMN own integer",
    "DROP TABLE _etl.rejected_rows",
    "DELETE FROM _etl.rejected_rows",
    "TRUNCATE bronze.raw_machine_cycles",
    "DELETE FROM silver.machine_cycles",
    "DELETE FROM master.machine_info",
    "GRANT setu_etl TO CURRENT_USER",
    "SET ROLE postgres",
    "CREATE ROLE own",
    "ALTER FUNCTION master.fn_retire(text, text[]) RESET search_path",
    "SELECT * FROM pg_authid",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "UPDATE _setu.version SET version_num = '0001'",
    "DELETE FROM _etl.watermarks",
    "SELECT setval('bronze.raw_machine_cycles_id_seq', 1)",
)


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("role", ROLES[1:])
def test_who_logs_in_as_a_member_of_a_role_can_do_none_of_what_it_must_not(
    role: str, login: Callable[[str], psycopg2.extensions.connection]
) -> None:
    with login(role).cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")
        assert set(cursor.fetchone() or ()) == {f"{role}_member_{os.getpid()}"}
        refused = [statement for other, statement in MUST_NOT if other == role]
        for statement in (*NOBODY, *refused):
            try:
                cursor.execute(statement)
            except psycopg2.errors.InsufficientPrivilege:
                continue
            except psycopg2.Error as error:
                raise AssertionError(f"{role}, {statement}: {error}") from error
            raise AssertionError(f"{role} may: {statement}")


@pytest.mark.parametrize("role", ["setu_ingest", "setu_etl"])
@pytest.mark.requires("multi_session")
def test_sessions_of_both_roles_commit_asynchronously(plant: Plant, role: str) -> None:
    url = plant.chain.url.replace("postgresql://postgres", f"postgresql://{role}", 1)
    try:
        connection = psycopg2.connect(url)
    except psycopg2.OperationalError:
        pytest.skip(f"the server lets {role} in with a password only")
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('synchronous_commit')")
        assert cursor.fetchone() == (role, "off")
    connection.close()


def test_both_roles_are_set_to_commit_asynchronously(plant: Plant) -> None:
    assert plant.chain.query(
        "SELECT rolname, rolconfig FROM pg_roles WHERE rolname LIKE 'setu\\_%%' ORDER BY 1".replace(
            "%%", "%"
        )
    ) == [
        ("setu_admin", None),
        ("setu_etl", ["synchronous_commit=off"]),
        ("setu_ingest", ["synchronous_commit=off"]),
        ("setu_reader", None),
    ]
