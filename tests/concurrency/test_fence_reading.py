"""The reading of the fence, against the sequence."""

# ruff: noqa: T201 (what a run came upon is worth reading, with -s or when it fails)

from __future__ import annotations

import psycopg2.extensions
import pytest

from tests.chain import Chain
from tests.concurrency.crew import Crew

pytestmark = pytest.mark.requires("multi_session")


def test_the_fence_never_sees_the_sequence_ahead_of_itself(chain: Chain) -> None:
    # While nextval writes its log record, the sequence shows a value that is up to 32 ahead.
    crew = Crew(chain.url, 6.0)
    for _ in range(4):
        crew.add(None, _draw)
    ahead = {"fence": 0, "plain": 0}

    def compare(connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(COMPARE)
            for notice in connection.notices:
                ahead["fence" if "fence" in notice else "plain"] += 1
            del connection.notices[:]

    crew.add(None, compare)
    crew.join()
    print(f"plain readings that were ahead: {ahead['plain']}")
    assert ahead["fence"] == 0


def _draw(connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT max(nextval('bronze.raw_machine_cycles_id_seq')) FROM generate_series(1, 5000)"
        )


COMPARE = """
DO $compare$
DECLARE
    v_plain bigint;
    v_fence bigint;
BEGIN
    FOR n IN 1 .. 2000 LOOP
        SELECT s.last_value INTO v_plain FROM bronze.raw_machine_cycles_id_seq AS s;
        IF v_plain > pg_sequence_last_value('bronze.raw_machine_cycles_id_seq') THEN
            RAISE NOTICE 'plain';
        END IF;
        IF n % 100 = 0 THEN
            v_fence := _etl.fn_fence('machine_cycles', INTERVAL '0');
            IF v_fence > pg_sequence_last_value('bronze.raw_machine_cycles_id_seq') THEN
                RAISE NOTICE 'fence';
            END IF;
        END IF;
    END LOOP;
END
$compare$
"""
