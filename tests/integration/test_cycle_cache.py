"""Cycles that somebody else wrote to silver, behind the back of the cache, do not stop the load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chain import Chain, chain_on
from tests.concurrency.cycles import make_fleet, state_faults
from tests.servers.at_hand import Server

ARRIVE = """
INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end)
SELECT d.device_id, m.iot_id, TIMESTAMPTZ '2026-03-02 08:00+00' + n * INTERVAL '10 minutes',
    TIMESTAMPTZ '2026-03-02 08:05+00' + n * INTERVAL '10 minutes'
FROM master.machine_info AS m INNER JOIN master.device_info AS d USING (device_iot_id)
CROSS JOIN generate_series(%s, %s) AS n
"""
# The third cycle of each machine, as somebody would restore it from a file.
RESTORE = """
INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,
    shift_name, cycle_start, cycle_end, actual_load_unload, actual_cycle_time)
SELECT DATE '2026-03-02', m.company_iot_id, m.iot_id, 1, 'Early', TIMESTAMPTZ '2026-03-02 08:30+00',
    TIMESTAMPTZ '2026-03-02 08:35+00', 300, 300
FROM master.machine_info AS m
"""
SWEEP = "CALL _etl.sp_load_machine_cycles(0, '{}')"
GAPS = """
SELECT c.actual_load_unload, c.actual_cycle_time
FROM silver.machine_cycles AS c
WHERE c.machine_iot_id = (SELECT min(m.iot_id) FROM master.machine_info AS m)
ORDER BY c.cycle_start
"""


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    with chain_on(server) as made:
        made.upgrade()
        yield made


@pytest.mark.parametrize("history", [True, False], ids=["cache-behind", "cache-empty"])
def test_a_cache_that_lags_behind_silver_is_corrected_and_the_batch_loaded(
    chain: Chain, *, history: bool
) -> None:
    machines = make_fleet(chain)
    if history:
        with chain.session() as connection, connection.cursor() as cursor:
            cursor.execute(ARRIVE, (1, 2))
            cursor.execute(SWEEP)
    first = 3 if history else 1
    chain.run(RESTORE)
    assert state_faults(chain) == len(machines)
    with chain.session() as connection, connection.cursor() as cursor:
        cursor.execute(ARRIVE, (first, 5))
        cursor.execute(SWEEP)
    assert chain.query(GAPS) == [(None, 300), *[(300, 300)] * 4]
    assert state_faults(chain) == 0
    assert chain.query(
        "SELECT rows_loaded, rows_merged, rows_rejected, status FROM _etl.job_runs "
        "ORDER BY run_id DESC LIMIT 1"
    ) == [((5 - first) * len(machines), len(machines), 0, "succeeded")]


@pytest.mark.parametrize("missing", [3, 5], ids=["late", "newest"])
def test_a_machine_that_the_cache_has_lost_is_stitched_to_its_history(
    chain: Chain, missing: int
) -> None:
    make_fleet(chain)
    with chain.session() as connection, connection.cursor() as cursor:
        for number in {1, 2, 3, 4, 5} - {missing}:
            cursor.execute(ARRIVE, (number, number))
        cursor.execute(SWEEP)
        cursor.execute("DELETE FROM silver.latest_cycle_state")
        cursor.execute(ARRIVE, (missing, missing))
        cursor.execute(SWEEP)
    assert chain.query(GAPS) == [(None, 300), *[(300, 300)] * 4]
    assert state_faults(chain) == 0
