"""What the fence reads from the sequence, and when: never ahead of it, never after the holders."""

# ruff: noqa: T201 (what a run came upon is worth reading, with -s or when it fails)

from __future__ import annotations

import time

import psycopg2.extensions
import pytest

from tests.chain import Chain
from tests.concurrency.crew import Crew

pytestmark = pytest.mark.requires("multi_session")

DRAWERS = 2
# In so many seconds a fence that reads like that is ahead some seven times.
SECONDS_AT_LEAST = 8.0
SECONDS_AT_MOST = 25.0

# In place of the look at who holds the sequence: a look at the sequence, which nothing comes
# between but the call. With no one to wait for, the fence returns its reading.
AFTER = """
CREATE OR REPLACE FUNCTION _etl.fn_sequence_holders(p_sequence regclass) RETURNS text[]
LANGUAGE plpgsql
AS $after$
BEGIN
    PERFORM set_config('setu.after', pg_sequence_last_value(p_sequence)::text, false);
    RETURN '{}';
END
$after$
"""

# Not so fast that in the microseconds of a call the sequence catches up with what was ahead of it.
DRAW = """
DO $draw$
BEGIN
    FOR n IN 1 .. 5000 LOOP
        PERFORM nextval('bronze.raw_machine_cycles_id_seq'), md5(repeat('x', 1000));
    END LOOP;
END
$draw$
"""

# Twice the same: a reading, and at once what nextval has come to.
COMPARE = """
DO $compare$
DECLARE
    v_reading bigint;
BEGIN
    FOR n IN 1 .. 50 LOOP
        FOR m IN 1 .. 10 LOOP
            SELECT s.last_value INTO v_reading FROM bronze.raw_machine_cycles_id_seq AS s;
            IF v_reading > pg_sequence_last_value('bronze.raw_machine_cycles_id_seq') THEN
                RAISE NOTICE 'plain';
            END IF;
        END LOOP;
        v_reading := _etl.fn_fence('machine_cycles', INTERVAL '0');
        IF v_reading > current_setting('setu.after')::bigint THEN
            RAISE NOTICE 'fence';
        END IF;
    END LOOP;
END
$compare$
"""


def test_the_fence_never_sees_the_sequence_ahead_of_itself(chain: Chain) -> None:
    # While nextval writes its log record, the sequence shows a value that is up to 32 ahead.
    chain.run("SELECT nextval('bronze.raw_machine_cycles_id_seq')", AFTER)
    ahead = {"fence": 0, "plain": 0}
    started = time.monotonic()
    crew = Crew(chain.url, SECONDS_AT_MOST)

    def compare(connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(COMPARE)
        for notice in connection.notices:
            ahead["fence" if "fence" in notice else "plain"] += 1
        del connection.notices[:]
        if ahead["plain"] and time.monotonic() > started + SECONDS_AT_LEAST:
            crew.stop()

    for _ in range(DRAWERS):
        crew.add(None, _draw)
    crew.add(None, compare)
    crew.join()
    print(f"readings that were ahead in {time.monotonic() - started:.1f} s: {ahead}")
    assert ahead["plain"] > 0, "nothing was ever ahead: the test tested nothing"
    assert ahead["fence"] == 0


def _draw(connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(DRAW)
