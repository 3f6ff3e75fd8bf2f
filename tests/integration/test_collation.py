"""Of two texts the greater stays, byte by byte, whatever the locale of the database says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from psycopg2 import sql
from sqlalchemy import make_url

from tests.loads import Fleet, fleet_in
from tests.model import CYCLES, OTHER_FACTS, Fact
from tests.servers.at_hand import Server
from tests.v1 import connect, run, value

pytestmark = pytest.mark.requires("native")
AT = datetime(2024, 3, 5, 8, tzinfo=UTC)
TEXTS = ("B", "a", "A", "b", "ä", "z")


@pytest.fixture(scope="module")
def fleet(server: Server) -> Iterator[Fleet]:
    url = server.create_database()
    name = f"{make_url(url).database}_icu"
    admin = connect(url)
    admin.autocommit = True
    try:
        with admin.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'"
                    " LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
                ).format(sql.Identifier(name))
            )
            try:
                icu = make_url(url).set(database=name).render_as_string(hide_password=False)
                made = connect(icu)
                run(made, "CREATE EXTENSION IF NOT EXISTS timescaledb")
                made.commit()
                made.close()
                with fleet_in(icu, server) as made_fleet:
                    yield made_fleet
            finally:
                cursor.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
                )
    finally:
        admin.close()
        server.drop_database(url)


def test_the_database_would_sort_otherwise(fleet: Fleet) -> None:
    assert value(fleet.connection, "SELECT greatest('a', 'B')") == "B"


@pytest.mark.parametrize("runs", [1, 2, len(TEXTS)])
@pytest.mark.parametrize("fact", [CYCLES, OTHER_FACTS[1]], ids=lambda fact: fact.name)
def test_the_greater_text_is_that_of_the_bytes(fleet: Fleet, fact: Fact, runs: int) -> None:
    fleet.clear(fact)
    rows = [{"machine_iot_id": 1, fact.instant: AT, "program_no": text} for text in TEXTS]
    for first in range(runs):
        fleet.send(fact, rows[first::runs])
        fleet.load(fact)
    assert fleet.silver(fact) == fleet.expect(fact, rows).silver
    assert {row["program_no"] for row in fleet.silver(fact).values()} == {"ä"}
