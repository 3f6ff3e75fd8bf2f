"""Who may do what: the whole matrix as a golden file, and the rights at work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

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
    "gold.machine_",
    "gold.v_downtime_dashboard",
    "gold.v_production_dashboard",
)

MATRIX = """
WITH grants AS (
    SELECT 1 AS place, n.nspname AS schema, ''::text AS name, 'schema' AS kind, a.*,
        NULL::name AS col
    FROM pg_namespace AS n CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
    UNION ALL
    SELECT 2, n.nspname, c.relname::text,
        CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' ELSE 'table' END, a.*, NULL
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE c.relkind IN ('r', 'v', 'S', 'm')
    UNION ALL
    SELECT 2, n.nspname, c.relname::text, 'columns', a.*, t.attname
    FROM pg_attribute AS t
    INNER JOIN pg_class AS c ON c.oid = t.attrelid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL aclexplode(t.attacl) AS a
    UNION ALL
    SELECT 3, n.nspname, p.oid::regprocedure::text, 'routine', a.*, NULL
    FROM pg_proc AS p
    INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
)
SELECT coalesce(r.rolname, 'PUBLIC') AS role, g.kind,
    CASE WHEN g.name = '' THEN g.schema WHEN g.place = 3 THEN g.name
        ELSE g.schema || '.' || g.name END,
    string_agg(DISTINCT g.privilege_type, ' '), coalesce(string_agg(DISTINCT g.col, ' '), '')
FROM grants AS g
LEFT JOIN pg_roles AS r ON r.oid = g.grantee
WHERE g.schema IN ('master', 'silver', 'bronze', 'config', 'alerting', 'gold', '_etl')
    AND coalesce(r.rolname, 'PUBLIC') = ANY (%s)
GROUP BY g.place, 1, 2, 3, CASE WHEN g.kind = 'columns' THEN g.privilege_type END
ORDER BY 1, g.place, 3, 2, 4
"""


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


def test_the_matrix_of_rights_is_the_one_that_was_reviewed(plant: Plant) -> None:
    lines = []
    for role, kind, name, privileges, columns in plant.chain.query(MATRIX, list(ROLES)):
        line = f"{role:<12} {kind:<9} {name}: {privileges}"
        lines.append(line + (f" ({columns})" if columns else ""))
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
    ],
)
def test_a_role_can_do_its_work(plant: Plant, role: str, statement: str) -> None:
    plant.chain.run(f"SET ROLE {role}; {statement}" if "CALL" not in statement else "SELECT 1")
    if "CALL" in statement:
        with plant.chain.session() as connection, connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {role}")
            cursor.execute(statement)


@pytest.mark.parametrize(
    ("role", "statement"),
    [
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
        ("setu_reader", "INSERT INTO silver.latest_cycle_state VALUES (1, now())"),
        ("setu_reader", "SELECT * FROM bronze.raw_machine_cycles"),
        ("setu_reader", "SELECT * FROM _etl.rejected_rows"),
        ("setu_reader", "SELECT _etl.fn_fence('machine_cycles')"),
        ("setu_reader", "SELECT _etl.fn_drop_bronze_chunk('machine_cycles', 'a', now(),"
         " now())"),
    ],
)  # fmt: skip
def test_a_role_can_do_nothing_else(plant: Plant, role: str, statement: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        plant.chain.run(f"SET ROLE {role}; {statement}")


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
