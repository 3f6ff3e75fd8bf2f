"""Short bulk writers, which begin and draw in the moment in which the fence looks about.

A writer with a transaction of seconds is on every list of holders, and hides one that is missing.
"""

# ruff: noqa: T201 (what a run came upon is worth reading, with -s or when it fails)

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import psycopg2.extensions
import pytest

from tests.chain import Chain
from tests.concurrency.crew import Crew

pytestmark = pytest.mark.requires("multi_session")

WRITERS = 5
SECONDS = 5.0
INSERT = (
    "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id) "
    "SELECT 'D1', 1 FROM generate_series(1, %s)"
)
COUNT = "SELECT count(*) FROM bronze.raw_machine_cycles WHERE id > %s AND id <= %s"
FENCE = "SELECT _etl.fn_fence('machine_cycles', INTERVAL '2 milliseconds')"
HIGHEST = "SELECT coalesce(max(id), 0) FROM bronze.raw_machine_cycles"
MOVE = "UPDATE _etl.watermarks SET last_processed_id = %s WHERE pipeline = 'machine_cycles'"


class Bounds:
    """A sweep that only counts: it takes a bound, and then what is visible up to it.

    :ivar rows: what it has found up to ``upto``.
    """

    def __init__(self, bound: str, *, moves_watermark: bool, pause: float) -> None:
        self._bound = bound
        self._moves_watermark = moves_watermark
        self._pause = pause
        self.upto = self.rows = self.calls = self.moves = 0

    def __call__(self, connection: psycopg2.extensions.connection) -> None:
        time.sleep(self._pause)
        self.calls += 1
        with connection.cursor() as cursor:
            upto = _value(cursor, self._bound)
            if upto > self.upto:
                self.rows += _value(cursor, COUNT, self.upto, upto)
                self.upto = upto
                self.moves += 1
                if self._moves_watermark:
                    cursor.execute(MOVE, (upto,))

    def lost(self, chain: Chain) -> int:
        """Rows that came below a bound after it was passed."""
        return int(chain.value(COUNT, 0, self.upto)) - self.rows


def _value(cursor: psycopg2.extensions.cursor, query: str, *parameters: object) -> int:
    cursor.execute(query, parameters or None)
    [(value,)] = cursor.fetchall()
    return int(value)


def _writer(seed: str) -> Callable[[psycopg2.extensions.connection], None]:
    random = Random(seed)

    def write(connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(INSERT, (random.choice((1, 40, 300, 300)),))
        # Between them the fence finds no one, or few.
        time.sleep(random.uniform(0, 0.01))

    return write


def test_the_fence_misses_no_bulk_writer(chain: Chain, seed: str) -> None:
    fence = Bounds(FENCE, moves_watermark=True, pause=0)
    naive = Bounds(HIGHEST, moves_watermark=False, pause=0.02)
    crew = Crew(chain.url, SECONDS)
    for n in range(WRITERS):
        crew.add("setu_ingest", _writer(f"{seed} {n}"))
    crew.add(None, fence)
    crew.add(None, naive)
    crew.join()

    rows = chain.value("SELECT count(*) FROM bronze.raw_machine_cycles")
    lost = {"fence": fence.lost(chain), "naive": naive.lost(chain)}
    print(f"seed {seed}: {rows} rows, {fence.calls} fences, {fence.moves} moved; lost: {lost}")
    assert lost["naive"] > 0, "nothing overtook anything: the test tested nothing"
    assert fence.moves > 20
    assert lost["fence"] == 0
