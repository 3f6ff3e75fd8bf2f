"""Two fleets on one server, and roles that were there before: nothing of others is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session")
ROLES = ("setu_ingest", "setu_etl", "setu_reader", "setu_admin")

EVERYTHING = """
WITH acl AS (
    SELECT 'database ' || d.datname AS name, coalesce(d.datacl, acldefault('d', d.datdba)) AS acl
    FROM pg_database AS d
    WHERE d.datname = current_database()
    UNION ALL
    SELECT 'schema ' || n.nspname, coalesce(n.nspacl, acldefault('n', n.nspowner))
    FROM pg_namespace AS n
    WHERE n.nspname !~ '^(pg_|_timescale|timescale|_archive|_setu)'
    UNION ALL
    SELECT 'relation ' || c.oid::regclass, coalesce(c.relacl, acldefault('r', c.relowner))
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('own', 'gold', 'silver', 'master') AND c.relkind IN ('r', 'v', 'm')
)
SELECT 'role ' || r.rolname, to_jsonb(r) - 'oid'
    || jsonb_build_object('comment', shobj_description(r.oid, 'pg_authid'))
FROM pg_roles AS r
WHERE r.rolname = ANY (%s)
UNION ALL
SELECT 'setting ' || coalesce(r.rolname, 'all') || ' in ' || coalesce(d.datname, 'all'),
    to_jsonb(s.setconfig)
FROM pg_db_role_setting AS s
LEFT JOIN pg_roles AS r ON r.oid = s.setrole
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
WHERE r.rolname = ANY (%s)
UNION ALL
SELECT 'member ' || r.rolname || ' of ' || g.rolname, to_jsonb(m.admin_option)
FROM pg_auth_members AS m
INNER JOIN pg_roles AS r ON r.oid = m.member
INNER JOIN pg_roles AS g ON g.oid = m.roleid
WHERE g.rolname = ANY (%s) OR r.rolname = ANY (%s)
UNION ALL
SELECT a.name, (SELECT jsonb_agg(i::text ORDER BY i::text) FROM unnest(a.acl) AS i) FROM acl AS a
ORDER BY 1
"""


def state(chain: Chain) -> dict[str, Any]:
    """What is known of SETU's roles, and who may do what in the database."""
    names = list(ROLES)
    return {row[0]: row[1] for row in chain.query(EVERYTHING, names, names, names, names)}


@pytest.fixture
def a(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        yield chain


@pytest.fixture
def b(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        yield chain


def test_the_way_down_of_one_fleet_takes_nothing_from_another(a: Chain, b: Chain) -> None:
    name = make_url(b.url).database
    b.upgrade()
    b.run(*(f'GRANT CONNECT ON DATABASE "{name}" TO {role}' for role in ROLES))
    before = state(b)
    a.upgrade()
    a.downgrade("0001")
    assert state(b) == before
    assert b.broken() == []


def test_three_fleets_can_be_deployed_at_once(server: Server, a: Chain, b: Chain) -> None:
    with chain_on(server) as c:
        fleets = [a, b, c]
        failures: list[BaseException] = []

        def move(fleet: Chain, *revisions: str) -> None:
            for revision in revisions:
                way = "upgrade" if revision == "head" else "downgrade"
                x = [part for value in fleet.x for part in ("-x", value)]
                done = subprocess.run(
                    [sys.executable, "-m", "alembic", *x, way, revision],
                    env={**os.environ, "DATABASE_URL": fleet.url},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    failures.append(RuntimeError(done.stderr[-3000:]))

        for ways in (["head"], ["0301"], ["head"]):
            threads = [threading.Thread(target=move, args=(f, *ways)) for f in fleets]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert not failures, str(failures[0])
        for fleet in fleets:
            assert fleet.revision() == HEAD
            assert fleet.broken() == []


def test_a_role_that_another_fleet_changes_at_the_same_moment_is_tried_again(
    a: Chain, b: Chain
) -> None:
    a.upgrade("0404")
    b.upgrade("0404")
    with b.session() as other, other.cursor() as cursor:
        other.autocommit = False
        # What revision 0501 does there; nobody has set anything for all databases yet.
        cursor.execute("ALTER ROLE setu_ingest SET synchronous_commit = off")
        moved = threading.Thread(target=a.upgrade)
        moved.start()
        wait_for_blocked(b)
        other.commit()
        moved.join()
    assert a.revision() == HEAD
    assert a.broken() == []


def test_a_fresh_database_is_made_while_another_fleet_changes_a_role(
    server: Server, b: Chain
) -> None:
    url = server.create_database()
    x = [part for value in b.x for part in ("-x", value)]
    b.upgrade("0404")
    try:
        with b.session() as other, other.cursor() as cursor:
            other.autocommit = False
            cursor.execute("ALTER ROLE setu_ingest SET synchronous_commit = off")
            made = subprocess.Popen(
                [sys.executable, "-m", "setu.cli.main", "fresh", *x],
                env={**os.environ, "DATABASE_URL": url},
                stderr=subprocess.PIPE,
                text=True,
            )
            wait_for_blocked(b)
            other.commit()
            said = made.communicate()[1]
        assert made.returncode == 0, said
    finally:
        server.drop_database(url)


def wait_for_blocked(chain: Chain, seconds: float = 30.0) -> None:
    """Until a session waits for another one's transaction to end."""
    until = time.monotonic() + seconds
    while not chain.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'transactionid' AND query ~ 'ALTER ROLE'"
    ):
        assert time.monotonic() < until
        time.sleep(0.02)


def test_roles_that_were_there_before_are_left_as_they_were_found(a: Chain) -> None:
    name = make_url(a.url).database
    a.upgrade("0001")
    a.run(
        "CREATE ROLE setu_ingest LOGIN NOINHERIT CONNECTION LIMIT 7",
        "CREATE ROLE setu_etl LOGIN NOINHERIT",
        "CREATE ROLE setu_reader NOLOGIN",
        "COMMENT ON ROLE setu_reader IS 'people of hall 3'",
        "ALTER ROLE setu_etl SET work_mem = '64MB'",
        "ALTER ROLE setu_ingest SET synchronous_commit = on",
        f"ALTER ROLE setu_ingest IN DATABASE \"{name}\" SET timezone = 'Asia/Kolkata'",
        f'ALTER ROLE setu_reader IN DATABASE "{name}" SET search_path = silver, gold',
        "CREATE SCHEMA own",
        "CREATE TABLE own.notes (i integer)",
        "GRANT USAGE ON SCHEMA own, gold TO setu_reader",
        "GRANT SELECT ON own.notes TO setu_reader WITH GRANT OPTION",
        "GRANT SELECT ON gold.v_live_machine_status, silver.machine_cycles TO setu_reader",
        "GRANT USAGE ON SCHEMA gold TO PUBLIC",
        f'GRANT CONNECT ON DATABASE "{name}" TO setu_ingest',
    )
    before = state(a)
    a.upgrade()
    assert a.broken() == []
    a.downgrade("0001")
    assert state(a) == before
    a.upgrade()
    a.downgrade("0001")
    assert state(a) == before


def test_connect_is_granted_where_public_has_it_not(a: Chain) -> None:
    name = make_url(a.url).database
    a.run(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
    a.upgrade("0001")
    before = state(a)
    a.upgrade()
    assert a.query(
        "SELECT DISTINCT has_database_privilege(r, current_database(), 'CONNECT')"
        " FROM unnest(%s::text[]) AS r",
        list(ROLES),
    ) == [(True,)]
    a.downgrade("0001")
    # Archived rows keep the roles that may read them.
    after = {name: what for name, what in state(a).items() if not name.startswith("role ")}
    assert after == before
