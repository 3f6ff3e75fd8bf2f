"""Many writers, sweeps all the while: nothing missed, nothing twice."""

# ruff: noqa: T201 (what a run came upon is worth reading, with -s or when it fails)

from __future__ import annotations

import time
import warnings

import psycopg2.extensions
import pytest

from tests.chain import Chain
from tests.concurrency.crew import Crew
from tests.concurrency.cycles import (
    ARRIVALS,
    BronzeRow,
    arrived_rows,
    bronze_rows,
    make_fleet,
    model,
    reject_reason,
    shift_faults,
    silver_rows,
    state_faults,
)
from tests.concurrency.workers import (
    READING,
    Compressor,
    Retention,
    Sweeper,
    Writer,
    naive_sweep,
)

pytestmark = pytest.mark.requires("multi_session")

WRITERS = 8
SECONDS = 14.0
WATERMARK = "SELECT last_processed_id FROM _etl.watermarks WHERE pipeline = 'machine_cycles'"


class Progress:
    """How far the watermark came while there was someone to write.

    :ivar mark: the last that was seen.
    """

    mark = 0

    def __call__(self, connection: psycopg2.extensions.connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute(WATERMARK)
            [(self.mark,)] = cursor.fetchall()
        time.sleep(0.05)


def run_all(chain: Chain, seed: str, *, keeps_house: bool) -> None:
    """Writers, two sweeps of one pipeline and a naive one at once; then hold all against all."""
    machines = make_fleet(chain)
    chain.run("CREATE TABLE public.naive (id bigint)", *ARRIVALS)
    prepares = chain.value("SHOW max_prepared_transactions") != "0"
    writers = [Writer(f"{seed} writer {n}", machines, prepares=prepares) for n in range(WRITERS)]
    sweepers = [Sweeper(f"{seed} sweep {n}") for n in range(2)]
    compressor, retention = Compressor(), Retention()

    def reached() -> bool:
        met = any(sweeper.turned_away for sweeper in sweepers)
        if not keeps_house:
            return met
        return met and bool(retention.dropped) and bool(compressor.done or not chain.community)

    if keeps_house:
        chain.run(
            "SELECT set_chunk_time_interval('bronze.raw_machine_cycles', INTERVAL '2 seconds')"
        )
    crew = Crew(chain.url, SECONDS, reached)
    for writer in writers:
        crew.add("setu_ingest", writer)
    for sweeper in sweepers:
        crew.add("setu_etl", sweeper)
    if keeps_house:
        crew.add(None, retention)
        if chain.community:
            crew.add(None, compressor)
    else:
        crew.add(None, naive_sweep)
    progress = Progress()
    crew.add(None, progress)
    crew.join()

    mark, drawn = progress.mark, chain.value(READING)
    chain.run("SET ROLE setu_etl", "CALL _etl.sp_load_machine_cycles(0, '{}')")
    sent = arrived_rows(chain)
    committed = [row for writer in writers for row in writer.committed]
    assert sorted(sent, key=repr) == sorted(committed, key=repr)
    transactions = sum(writer.transactions for writer in writers)
    print(
        f"seed {seed}: {len(sent)} rows of {transactions} transactions, "
        f"{sum(writer.rolled_back for writer in writers)} rolled back, "
        f"{sum(writer.prepared for writer in writers)} prepared; "
        f"{sum(s.runs for s in sweepers)} sweeps, "
        f"{sum(s.turned_away for s in sweepers)} found another at work, "
        f"{sum(s.failed for s in sweepers)} stopped by a lock; {compressor.done} compressions; "
        f"while all wrote, the watermark came to {mark} of {drawn} ids"
    )
    assert len(sent) > 500
    # Retention and compression lock chunks, and sweeps try again.
    assert mark > drawn / (10 if keeps_house else 2), (
        "the sweeps stood still while the writers wrote"
    )
    assert any(s.turned_away for s in sweepers), "the two sweeps never met"
    if prepares:
        assert any(writer.prepared for writer in writers)
    else:
        warnings.warn(
            "max_prepared_transactions is 0 on this server: no writer prepared a transaction",
            UserWarning,
            stacklevel=2,
        )
    check(chain, sent, machines)

    if keeps_house:
        kept = chain.value("SELECT count(*) FROM bronze.raw_machine_cycles")
        print(f"retention left {kept} rows in bronze")
        assert retention.dropped, "no chunk was dropped: the test did not test retention"
        assert kept < len(sent)
        assert compressor.done or not chain.community
    else:
        assert sorted(bronze_rows(chain), key=repr) == sorted(sent, key=repr)
        naive_loss(chain, len(sent))


def check(chain: Chain, sent: list[BronzeRow], machines: list[int]) -> None:
    """Silver is the model's, the counters add up, the watermark has come to the end."""
    assert silver_rows(chain) == model(sent, machines)
    assert state_faults(chain) == 0
    assert shift_faults(chain) == 0

    rejected = sorted(filter(None, (reject_reason(row, machines) for row in sent)))
    found = chain.query("SELECT reason_code FROM _etl.rejected_rows ORDER BY 1")
    assert [code for (code,) in found] == rejected

    cycles = chain.value("SELECT count(*) FROM silver.machine_cycles")
    [counted] = chain.query(
        "SELECT sum(rows_read), sum(rows_loaded), sum(rows_merged), sum(rows_rejected) "
        "FROM _etl.job_runs"
    )
    merged = len(sent) - cycles - len(rejected)
    assert [int(n) for n in counted] == [len(sent), cycles, merged, len(rejected)]

    assert chain.value(WATERMARK) == chain.value(READING)


def naive_loss(chain: Chain, sent: int) -> None:
    """The sweep without the fence loses rows, in the same run."""
    with chain.session() as connection:
        naive_sweep(connection)
    swept = chain.value("SELECT count(DISTINCT id) FROM public.naive")
    print(f"the sweep without a fence lost {sent - swept} of {sent} rows")
    assert swept < sent, "nothing overtook anything: the test tested nothing"


def test_eight_writers_and_two_sweeps_lose_nothing_and_a_naive_sweep_does(
    chain: Chain, seed: str
) -> None:
    run_all(chain, seed, keeps_house=False)


def test_compression_and_retention_take_nothing_from_writers_and_sweeps(
    chain: Chain, seed: str
) -> None:
    run_all(chain, seed, keeps_house=True)
