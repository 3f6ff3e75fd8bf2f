"""A server may speak any language: what it says is known by its code and by names, not by words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg2
import pytest
from psycopg2 import errors
from sqlalchemy import make_url

from setu.chain.failures import _error_origin
from setu.chain.header import Header
from setu.chain.script import Origin, Script
from setu.db.rights import foreseen
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session")
READER, OWNER = f"leser_{os.getpid()}", f"besitzer_{os.getpid()}"


@pytest.fixture(scope="module")
def chain(server: Server) -> Iterator[Chain]:
    """Objects on which a role lacks one right each."""
    with chain_on(server) as chain:
        name = make_url(chain.url).database
        try:
            chain.run(
                f"CREATE ROLE {READER} LOGIN",
                f"CREATE ROLE {OWNER}",
                "CREATE SCHEMA hidden",
                f"CREATE SCHEMA shown AUTHORIZATION {OWNER}",
                f"GRANT USAGE ON SCHEMA shown TO {READER}",
                'CREATE TABLE shown.cycles (); CREATE VIEW shown."A day" AS SELECT 1 AS one',
                f"CREATE TABLE shown.notes (); GRANT SELECT ON shown.notes TO {READER}",
                "CREATE FUNCTION shown.count() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "CREATE PROCEDURE shown.load() LANGUAGE sql AS 'SELECT 1'",
                "REVOKE ALL ON ALL ROUTINES IN SCHEMA shown FROM PUBLIC",
                f"ALTER TABLE shown.cycles OWNER TO {OWNER}",
                f"ALTER TABLE shown.notes OWNER TO {OWNER}",
            )
            yield chain
        finally:
            chain.run(
                "DROP SCHEMA hidden CASCADE; DROP SCHEMA IF EXISTS shown CASCADE",
                f'REVOKE ALL ON DATABASE "{name}" FROM {READER}, {OWNER}',
                f"DROP ROLE {READER}, {OWNER}",
            )


SAID = {
    "schema, German": ("keine Berechtigung für Schema hidden", "GRANT USAGE ON SCHEMA hidden"),
    "schema, Chinese": ("对模式 hidden 权限不够", "GRANT USAGE ON SCHEMA hidden"),
    "table, English": ("permission denied for table cycles", "GRANT SELECT ON shown.cycles"),
    "table, German": ("keine Berechtigung für Tabelle cycles", "GRANT SELECT ON shown.cycles"),
    "table, Japanese": (
        "テーブル cycles へのアクセスが拒否されました",
        "GRANT SELECT ON shown.cycles",
    ),
    "table, Korean": ("cycles 테이블에 대한 접근 권한 없음", "GRANT SELECT ON shown.cycles"),
    "view with a blank, French": (
        "droit refusé pour la vue A day",
        'GRANT SELECT ON shown."A day"',
    ),
    "table that may be read, Russian": (
        "нет доступа к таблице notes",
        f"Connect as {OWNER}, who owns shown.notes, or GRANT {OWNER}",
    ),
    "owner, English": ("must be owner of table notes", f"Connect as {OWNER}, who owns notes"),
    "owner, German": (
        "Berechtigung nur für Eigentümer der Tabelle notes",
        f"Connect as {OWNER}, who owns shown.notes, or GRANT {OWNER}",
    ),
    "function, Spanish": (
        "permiso denegado a la función count",
        "GRANT EXECUTE ON FUNCTION shown.count()",
    ),
    "procedure, Italian": (
        "permesso negato per la procedura load",
        "GRANT EXECUTE ON PROCEDURE shown.load()",
    ),
}


@pytest.mark.parametrize("kind", SAID)
def test_a_missing_right_is_told_with_its_grant_in_whatever_language(
    chain: Chain, kind: str
) -> None:
    said, advice = SAID[kind]
    url = make_url(chain.url).set(username=READER).render_as_string(hide_password=False)
    driver = psycopg2.connect(url)
    try:
        found = foreseen(driver, errors.InsufficientPrivilege(said))
    finally:
        driver.close()
    assert found is not None
    assert f"Role {READER} lacks a right: {said}." in str(found)
    assert advice in str(found)


def test_the_database_itself_may_be_what_a_right_is_missing_on(chain: Chain) -> None:
    name = make_url(chain.url).database
    url = make_url(chain.url).set(username=READER).render_as_string(hide_password=False)
    driver = psycopg2.connect(url)
    found = foreseen(
        driver, errors.InsufficientPrivilege(f"keine Berechtigung für Datenbank {name}")
    )
    driver.close()
    assert f"GRANT CREATE, CONNECT ON DATABASE {name} TO {READER}" in str(found)


@pytest.mark.parametrize(
    "context",
    [
        "PL/pgSQL function inline_code_block line 3 at RAISE",
        "PL/pgSQL-Funktion inline_code_block Zeile 3 bei RAISE",
        "PL/pgSQL関数inline_code_blockの3行目 - RAISE",
        "在RAISE的第3行的PL/pgSQL函数inline_code_block",
        "функция PL/pgSQL inline_code_block, строка 3, оператор RAISE",
    ],
)
def test_the_line_of_a_block_is_found_in_whatever_language(context: str) -> None:
    text = "DO $$\nBEGIN\n    RAISE 'no';\nEND $$;"
    lines = tuple(Origin("up.sql", number) for number in range(1, 5))
    [statement] = Script("up.sql", text, lines, Header({})).statements()
    diag = SimpleNamespace(statement_position=None, context=context)
    assert _error_origin(statement, diag) == Origin("up.sql", 3)
