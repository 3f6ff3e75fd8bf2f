"""The load of machine cycles: whatever the order and the batches, silver is what the model says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data import OKUMA_CYCLES
from tests.servers.at_hand import Server
from tests.v2 import Plant, Silver, plant_on

T0 = datetime(2024, 3, 5, 8, 0, tzinfo=UTC)
ORDERS = list(permutations(range(len(OKUMA_CYCLES))))


@pytest.fixture(scope="module")
def shared_plant(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


@pytest.fixture
def plant(shared_plant: Plant) -> Plant:
    """The plant, with no cycle in it."""
    shared_plant.clear()
    return shared_plant


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def cycle(start: float | None, end: float | None = None, **more: Any) -> dict[str, Any]:
    """A bronze row whose times are seconds after T0."""
    return {
        "cycle_start": None if start is None else at(start),
        "cycle_end": None if end is None else at(end),
        **more,
    }


def okuma(*order: int) -> list[dict[str, Any]]:
    return [
        {"cycle_start": OKUMA_CYCLES[n].cycle_start, "cycle_end": OKUMA_CYCLES[n].cycle_end}
        for n in order
    ]


def gaps(plant: Plant) -> list[tuple[int | None, int | None]]:
    """Gap and run time of each cycle, by start."""
    return [(row.gap, row.run_time) for row in plant.silver()]


# ------------------------------------------------------------------------------- recorded cycles

RECORDED = [(None, 605), (249, 187), (181, 17), (1389, 549)]


@pytest.mark.parametrize("batches", ["one batch", "four batches", "four runs"])
@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join(map(str, order)))
def test_the_recorded_cycles_come_out_the_same(
    plant: Plant, order: tuple[int, ...], batches: str
) -> None:
    if batches == "four runs":
        for number in order:
            plant.send(*okuma(number))
            plant.load()
            plant.check_cache()
    else:
        plant.send(*okuma(*order))
        run = plant.load(batch_size=4 if batches == "one batch" else 1)
        assert run["batches"] == (1 if batches == "one batch" else 4)
        assert plant.counters(run) == (4, 4, 0, 0)
    assert gaps(plant) == RECORDED
    plant.check_cache()


# -------------------------------------------------------------------------------------- the model

_CYCLES = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.integers(0, 12).map(lambda n: n * 10.25),
        st.none() | st.sampled_from([0, 0.5, 1.5, 4.499, 4.5, 10.25, 25]),
    ),
    min_size=1,
    max_size=12,
)


def model(cycles: list[tuple[int, float, float | None]]) -> list[Silver]:
    """Per machine the distinct cycles by start, each with its last known end; no batches."""
    ends: dict[tuple[int, float], float | None] = {}
    for machine, start, length in cycles:
        ends.setdefault((machine, start), None)
        if length is not None:
            ends[machine, start] = start + length
    result: list[Silver] = []
    before: dict[int, float | None] = {}
    for (machine, start), end in sorted(ends.items()):
        last = before.get(machine)
        result.append(
            Silver(
                machine,
                at(start),
                None if end is None else at(end),
                None if last is None else max(0, rounded(start - last)),
                None if end is None else rounded(end - start),
                1,
                "2024-03-05",
            )
        )
        before[machine] = end
    return result


def rounded(seconds: float) -> int:
    """Half away from zero, to the microsecond."""
    micros = round(seconds * 1_000_000)
    return (abs(micros) + 500_000) // 1_000_000 * (1 if micros >= 0 else -1)


@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(cycles=_CYCLES, batch_size=st.integers(1, 5), cut=st.integers(0, 12))
def test_any_batches_give_what_the_model_without_batches_gives(
    shared_plant: Plant, cycles: list[tuple[int, float, float | None]], batch_size: int, cut: int
) -> None:
    plant = shared_plant
    plant.clear()
    rows = [
        cycle(start, None if length is None else start + length, machine_iot_id=machine)
        for machine, start, length in cycles
    ]
    read = 0
    for part in (rows[:cut], rows[cut:]):
        if part:
            plant.send(*part)
            read += plant.counters(plant.load(batch_size=batch_size))[0]
        plant.check_cache()
    assert read == len(cycles)
    assert plant.silver() == model(cycles)


# ------------------------------------------------------------------------------------- stitching


def test_a_new_cycle_is_stitched_to_the_last_one_of_history(plant: Plant) -> None:
    plant.chain.run(history(0, 100, gap=77))
    plant.send(cycle(130, 150))
    plant.load()
    assert gaps(plant) == [(77, 100), (30, 20)]
    plant.check_cache()


def history(start: float, end: float | None, *, gap: int | None = None) -> str:
    """SQL that puts a cycle into silver as the chain migrated it, and fills the cache."""
    stop = "NULL" if end is None else f"'{at(end).isoformat()}'"
    return f"""
    INSERT INTO silver.machine_cycles (
        logical_date, company_iot_id, machine_iot_id, shift_id, shift_name, cycle_start, cycle_end,
        program_no, actual_load_unload, actual_cycle_time, created_at
    )
    VALUES ('2024-03-05', 1, 1, 9, 'of v1', '{at(start).isoformat()}', {stop}, 'V1',
        {"NULL" if gap is None else gap}, 100, '2024-03-05');
    SELECT silver.fn_rebuild_cycle_state()
    """


def test_a_cycle_that_v1_had_is_not_validated_again_when_it_arrives_again(plant: Plant) -> None:
    plant.chain.run(history(0, 90, gap=4711))
    before = plant.silver()
    plant.send(cycle(0, 90, program_no="V1"))
    assert plant.counters(plant.load()) == (1, 0, 1, 0)
    assert plant.silver() == before
    assert before[0].gap == 4711


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_an_end_that_was_another_for_a_while_counts_in_any_batches(
    plant: Plant, batch_size: int
) -> None:
    plant.chain.run(history(0, 90, gap=4711))
    plant.chain.run(history(200, 300, gap=4712))
    plant.send(cycle(0, 80), cycle(0, 90), cycle(0))
    assert plant.counters(plant.load(batch_size=batch_size)) == (3, 0, 3, 0)
    # v1's run time of the second cycle stands, and so does its gap of the first.
    assert gaps(plant) == [(4711, 90), (110, 100)]


def test_duplicates_add_nothing(plant: Plant) -> None:
    plant.send(cycle(0, 10), cycle(0, 10), cycle(20, 30))
    assert plant.counters(plant.load()) == (3, 2, 1, 0)
    before = plant.chain.rows("silver.machine_cycles")
    plant.send(cycle(20, 30), cycle(0, 10))
    assert plant.counters(plant.load()) == (2, 0, 2, 0)
    assert plant.chain.rows("silver.machine_cycles") == before


def test_an_open_cycle_is_completed_and_the_next_one_stitched_again(plant: Plant) -> None:
    plant.send(cycle(0), cycle(20, 30))
    plant.load()
    assert gaps(plant) == [(None, None), (None, 10)]
    plant.send(cycle(0, 12))
    assert plant.counters(plant.load()) == (1, 0, 1, 0)
    assert gaps(plant) == [(None, 12), (8, 10)]
    plant.check_cache()


def test_an_end_that_was_known_is_not_taken_away(plant: Plant) -> None:
    plant.send(cycle(0, 12))
    plant.load()
    plant.send(cycle(0))
    plant.load()
    assert gaps(plant) == [(None, 12)]


def test_a_late_cycle_is_stitched_to_its_neighbours(plant: Plant) -> None:
    plant.send(cycle(0, 10), cycle(100, 110))
    plant.load()
    assert gaps(plant) == [(None, 10), (90, 10)]
    plant.send(cycle(40, 50))
    plant.load()
    assert gaps(plant) == [(None, 10), (30, 10), (50, 10)]
    plant.check_cache()


def test_a_cycle_before_all_others_has_no_gap_and_gives_one_to_the_next(plant: Plant) -> None:
    plant.send(cycle(100, 110))
    plant.load()
    plant.send(cycle(0, 10))
    plant.load()
    assert gaps(plant) == [(None, 10), (90, 10)]


def test_a_late_cycle_finds_its_neighbours_weeks_away(plant: Plant) -> None:
    week = 7 * 86400
    plant.send(cycle(0, 10), cycle(9 * week, 9 * week + 10))
    plant.load()
    plant.send(cycle(4 * week, 4 * week + 10))
    plant.load()
    assert gaps(plant) == [(None, 10), (4 * week - 10, 10), (5 * week - 10, 10)]
    plant.check_cache()


def test_a_gap_is_at_most_what_an_integer_holds(plant: Plant) -> None:
    plant.send(
        {"cycle_start": "1970-01-01 00:00+00", "cycle_end": "1970-01-01 00:00:10+00"},
        # By a clock that is right: the row arrives then, too.
        {
            "time": "2199-12-31 00:00+00",
            "cycle_start": "2199-12-31 00:00+00",
            "cycle_end": "2199-12-31 00:00:10+00",
        },
    )
    plant.load()
    assert gaps(plant) == [(None, 10), (2**31 - 1, 10)]


@pytest.mark.parametrize(("end", "gap"), [("infinity", 0), ("-infinity", 2**31 - 1)])
def test_an_infinite_end_that_v1_left_stops_nothing(plant: Plant, end: str, gap: int) -> None:
    plant.chain.run(
        "INSERT INTO silver.machine_cycles (logical_date, company_iot_id, machine_iot_id, shift_id,"
        f" cycle_start, cycle_end) SELECT '2024-01-01', 1, 1, 0, '2024-01-01', '{end}'",
        "SELECT silver.fn_rebuild_cycle_state()",
    )
    plant.send(cycle(0, 10))
    plant.load()
    plant.send(cycle(-100, -90))
    plant.load()
    rows = "SELECT actual_load_unload FROM silver.machine_cycles ORDER BY cycle_start"
    assert plant.chain.query(rows) == [(None,), (gap,), (90,)]


def test_overlapping_cycles_leave_no_time_between_them(plant: Plant) -> None:
    plant.send(cycle(0, 100), cycle(50, 120))
    plant.load()
    assert gaps(plant) == [(None, 100), (0, 70)]


def test_machines_are_stitched_apart(plant: Plant) -> None:
    plant.send(cycle(0, 10), cycle(20, 30, machine_iot_id=2), cycle(40, 50))
    plant.load()
    assert [(row.machine, row.gap) for row in plant.silver()] == [(1, None), (1, 30), (2, None)]


@pytest.mark.parametrize(
    ("hour", "shift", "date"),
    [(5.99, 2, "2024-03-04"), (6, 1, "2024-03-05"), (14, 0, "2024-03-05"), (22, 2, "2024-03-05")],
)
def test_shift_and_business_date_follow_the_wall_clock_of_the_plant(
    plant: Plant, hour: float, shift: int, date: str
) -> None:
    plant.send(cycle((hour - 8) * 3600))
    plant.load()
    assert [(row.shift_id, row.logical_date) for row in plant.silver()] == [(shift, date)]


# --------------------------------------------------------------------------------------- rejects


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (cycle(0, 10, machine_iot_id=404), "unknown_machine"),
        (cycle(0, 10, machine_iot_id=2**40), "unknown_machine"),
        (cycle(None, 10), "missing_start"),
        (cycle(10, 9.999999), "end_before_start"),
        ({"cycle_start": "1969-12-31 23:59:59+00"}, "start_out_of_range"),
        ({"cycle_start": "infinity"}, "start_out_of_range"),
        ({"cycle_start": "-infinity"}, "start_out_of_range"),
        ({"cycle_start": "2200-01-01 00:00:00+00"}, "start_out_of_range"),
        # Of several reasons the first is named.
        (cycle(None, 10, machine_iot_id=-1), "unknown_machine"),
        (cycle(None, 10, std_cycle_time=2**31), "missing_start"),
        (cycle(0, -10, std_cycle_time=2**31), "end_before_start"),
        ({"cycle_start": "2300-01-01", "cycle_end": "2024-01-01"}, "start_out_of_range"),
        ({"cycle_start": "1960-01-01", "cycle_end": "2100-01-01"}, "start_out_of_range"),
        (
            {"cycle_start": "2024-01-01", "cycle_end": "2100-01-01", "down_threshold": 2**31},
            "end_out_of_range",
        ),
        ({"cycle_start": "2024-01-01", "cycle_end": "infinity"}, "end_out_of_range"),
        (cycle(0, 10, std_cycle_time=2**31), "value_out_of_range"),
        (cycle(0, 10, std_load_unload=-(2**31) - 1), "value_out_of_range"),
        (cycle(0, 10, down_threshold=2**62), "value_out_of_range"),
    ],
)
def test_a_row_that_cannot_be_loaded_is_kept_with_its_reason(
    plant: Plant, row: dict[str, Any], reason: str
) -> None:
    plant.send(cycle(-100, -90), row, cycle(100, 110))
    run = plant.load()
    assert plant.counters(run) == (3, 2, 0, 1)
    assert plant.rejects() == [(2, reason)]
    assert gaps(plant) == [(None, 10), (190, 10)]
    kept = plant.chain.query("SELECT detail <> '', row_data ->> 'id' FROM _etl.rejected_rows")
    assert kept == [(True, "2")]


def test_a_late_row_that_fails_as_nobody_foresaw_is_counted_late(plant: Plant) -> None:
    plant.send(cycle(0, 5))
    plant.load()
    plant.chain.run(
        "ALTER TABLE silver.machine_cycles ADD CONSTRAINT planted CHECK (program_no <> 'BOOM')"
    )
    try:
        late = datetime.now(UTC) - timedelta(hours=2)
        plant.send(cycle(10, 15, program_no="BOOM", time=late), cycle(20, 25))
        run = plant.load()
    finally:
        plant.chain.run("ALTER TABLE silver.machine_cycles DROP CONSTRAINT planted")
    assert plant.counters(run) == (2, 1, 0, 1)
    assert (run["rows_late"], run["batches"]) == (1, 2)


def test_a_row_that_fails_as_nobody_foresaw_does_not_hold_up_the_others(plant: Plant) -> None:
    plant.chain.run(
        "ALTER TABLE silver.machine_cycles ADD CONSTRAINT planted CHECK (program_no <> 'BOOM')"
    )
    try:
        programs = ["A", "B", "BOOM", "C", "BOOM", "D", "E"]
        plant.send(*(cycle(n * 10, n * 10 + 5, program_no=name) for n, name in enumerate(programs)))
        run = plant.load()
    finally:
        plant.chain.run("ALTER TABLE silver.machine_cycles DROP CONSTRAINT planted")
    assert plant.counters(run) == (7, 5, 0, 2)
    assert run["status"] == "succeeded"
    assert plant.rejects() == [(3, "load_error"), (5, "load_error")]
    assert gaps(plant) == [(None, 5), (5, 5), (15, 5), (15, 5), (5, 5)]
    assert "planted" in plant.chain.value("SELECT detail FROM _etl.rejected_rows LIMIT 1")


def test_an_error_that_is_no_fault_of_a_row_stops_the_run_and_writes_nothing(plant: Plant) -> None:
    plant.send(cycle(0, 10))
    plant.chain.run("REVOKE INSERT ON silver.machine_cycles FROM setu_etl")
    try:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="failed after id 0"):
            plant.load()
    finally:
        plant.chain.run("GRANT INSERT ON silver.machine_cycles TO setu_etl")
    assert plant.silver() == []
    assert plant.rejects() == []
    assert plant.chain.query("SELECT status, error <> '' FROM _etl.job_runs") == [("failed", True)]
    assert plant.counters(plant.load()) == (1, 1, 0, 0)


def test_rejected_rows_go_through_again_once_the_machine_is_registered(plant: Plant) -> None:
    new = plant.chain.value("SELECT max(iot_id) + 1 FROM master.machine_info")
    # An identity leaves no hole here: the next machine gets the next number.
    plant.send(cycle(0, 10, machine_iot_id=new), cycle(None), cycle(20, 30, machine_iot_id=new))
    assert plant.counters(plant.load()) == (3, 0, 0, 3)
    plant.chain.run(
        "INSERT INTO master.machine_info (machine_id, company_iot_id, source_iot_id)"
        " VALUES ('M-new', 1, '9')"
    )
    assert plant.chain.value("SELECT max(iot_id) FROM master.machine_info") == new
    resend = "CALL _etl.sp_resend_rejected('machine_cycles', 'unknown_machine')"
    assert plant.chain.value(resend) == 2
    assert plant.counters(plant.load()) == (2, 2, 0, 0)
    assert gaps(plant) == [(None, 10), (10, 10)]
    assert plant.chain.value(resend) == 0
    waiting = "SELECT reason_code FROM _etl.rejected_rows WHERE resent_at IS NULL"
    assert plant.chain.query(waiting) == [("missing_start",)]
    plant.chain.run(
        f"DELETE FROM silver.latest_cycle_state WHERE machine_iot_id = {new}",
        f"DELETE FROM master.machine_info WHERE iot_id = {new}",
    )


# ------------------------------------------------------------------------------- sweep and budget


def test_rows_that_the_bound_on_time_shuts_out_are_loaded_and_counted_late(plant: Plant) -> None:
    plant.send(cycle(0, 10))
    assert plant.load()["rows_late"] == 0
    old = datetime.now(UTC) - timedelta(hours=2)
    plant.send(cycle(20, 30, time=old), cycle(40, 50), cycle(60, 70, time=old))
    run = plant.load(batch_size=2)
    assert plant.counters(run) == (3, 3, 0, 0)
    assert run["rows_late"] == 2
    assert gaps(plant) == [(None, 10), (10, 10), (10, 10), (10, 10)]


def test_an_arrival_ahead_of_the_clock_makes_no_later_row_late(plant: Plant) -> None:
    plant.send(cycle(0, 10, time=datetime.now(UTC) + timedelta(days=700)))
    plant.load()
    plant.send(cycle(20, 30))
    run = plant.load()
    assert (run["rows_loaded"], run["rows_late"]) == (1, 0)


def test_the_watermark_and_the_run_log_say_what_was_done(plant: Plant) -> None:
    plant.send(cycle(0, 10), cycle(None), cycle(20, 30))
    run = plant.load(batch_size=2)
    assert (run["pipeline"], run["from_id"], run["to_id"]) == ("machine_cycles", 0, 3)
    assert (run["status"], run["batches"], run["error"]) == ("succeeded", 2, None)
    assert run["finished_at"] >= run["started_at"]
    mark = plant.chain.query(
        "SELECT last_processed_id, last_processed_ts FROM _etl.watermarks"
        " WHERE pipeline = 'machine_cycles'"
    )
    newest = plant.chain.value("SELECT max(time) FROM bronze.raw_machine_cycles")
    assert mark == [(3, newest)]
    lag = (
        "SELECT rows_behind, seconds_behind, held_up_by FROM _etl.v_pipeline_lag"
        " WHERE pipeline = 'machine_cycles'"
    )
    assert plant.chain.query(lag) == [(0, 0, None)]
    plant.send(cycle(40))
    assert plant.chain.query(lag)[0][0] == 1


def test_a_run_with_nothing_to_do_reads_nothing(plant: Plant) -> None:
    run = plant.load()
    assert (run["status"], run["rows_read"], run["batches"]) == ("succeeded", 0, 0)


def test_ids_that_were_rolled_back_leave_no_hole_that_stops_the_sweep(plant: Plant) -> None:
    plant.chain.run("SELECT setval('bronze.raw_machine_cycles_id_seq', 1000)")
    plant.send(cycle(0, 10))
    assert plant.counters(plant.load()) == (1, 1, 0, 0)
    plant.chain.run("SELECT nextval('bronze.raw_machine_cycles_id_seq')")
    assert plant.load()["to_id"] == 1002


@pytest.mark.parametrize(
    ("config", "read", "batches"),
    [
        ({}, 7, 1),
        ({"batch_size": 2}, 7, 4),
        ({"batch_size": 2, "max_batches": 1}, 2, 1),
        ({"batch_size": 2, "max_batches": 3}, 6, 3),
        ({"batch_size": 3, "max_runtime": "0 seconds"}, 3, 1),
    ],
)
def test_config_sets_the_budget_of_a_run(
    plant: Plant, config: dict[str, Any], read: int, batches: int
) -> None:
    plant.send(*(cycle(n * 10, n * 10 + 5) for n in range(7)))
    run = plant.load(**config)
    assert (run["rows_read"], run["batches"]) == (read, batches)
    plant.load()
    assert len(plant.silver()) == 7


def test_the_batch_size_of_the_watermark_is_used_where_config_says_none(plant: Plant) -> None:
    plant.chain.run("UPDATE _etl.watermarks SET batch_size = 3")
    plant.send(*(cycle(n * 10, n * 10 + 5) for n in range(7)))
    assert plant.load()["batches"] == 3


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"batch_size": 0}, "its batch_size is 0 and must be between 1 and 10000000"),
        ({"batch_size": -5}, "its batch_size is -5 and must be between"),
        ({"batch_size": 2**31 - 1}, "its batch_size is 2147483647 and must be between"),
        ({"batch_size": 10**11}, "its batch_size is 100000000000 and must be a whole number"),
        ({"batch_size": "many"}, 'its batch_size is "many" and must be a whole number'),
        ({"batch_size": 1.5}, "its batch_size is 1.5 and must be a whole number"),
        ({"batch_size": [1]}, r"its batch_size is \[1\] and must be a whole number"),
        ({"max_batches": 0}, "its max_batches is 0 and must be at least 1"),
        ({"max_runtime": "soon"}, 'its max_runtime is "soon" and must be an interval'),
        ({"max_runtime": "-1 s"}, 'its max_runtime is "-1 s" and must be not negative'),
        ({"fence_wait": "2 days"}, 'its fence_wait is "2 days" and must be between 0 and a day'),
        ({"late_window": "999999 years"}, "its late_window is .* must be between 0 and 100 years"),
        ({"batchsize": 5}, "its config has no setting batchsize"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(
    plant: Plant, config: dict[str, Any], message: str
) -> None:
    plant.send(cycle(0, 10))
    with pytest.raises(psycopg2.Error, match=message):
        plant.load(**config)
    assert plant.silver() == []


@pytest.mark.parametrize("config", ["[]", '"x"'])
def test_a_config_that_is_no_object_is_refused(plant: Plant, config: str) -> None:
    with (
        plant.chain.session() as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.Error, match="its config is not an object"),
    ):
        cursor.execute("CALL _etl.sp_load_machine_cycles(0, %s)", (config,))


@pytest.mark.parametrize("config", [None, '{"batch_size": null, "max_runtime": null}'])
def test_a_config_of_nothing_has_the_defaults(plant: Plant, config: str | None) -> None:
    plant.send(cycle(0, 10))
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.execute("CALL _etl.sp_load_machine_cycles(0, %s)", (config,))
    assert len(plant.silver()) == 1


def test_a_sequence_that_went_back_stops_the_load_before_rows_are_passed_over(
    plant: Plant,
) -> None:
    sequence = "'bronze.raw_machine_cycles_id_seq'"
    lag = "SELECT rows_behind FROM _etl.v_pipeline_lag WHERE pipeline = 'machine_cycles'"
    plant.send(*(cycle(n * 10, n * 10 + 5) for n in range(5)))
    plant.load()
    plant.chain.run(f"SELECT setval({sequence}, 2)")
    plant.send(cycle(60, 65))
    with pytest.raises(psycopg2.Error, match="it stands at 3, and ids up to 5 are decided"):
        plant.load()
    assert plant.chain.value(lag) == -2
    assert plant.chain.query("SELECT status FROM _etl.job_runs ORDER BY run_id DESC LIMIT 1") == [
        ("failed",)
    ]
    # As docs/operations.md says: set it forward, and send again what came meanwhile.
    plant.chain.run(
        f"SELECT setval({sequence}, 5)",
        "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, cycle_end)"
        " SELECT b.device_id, b.machine_iot_id, b.cycle_start, b.cycle_end"
        " FROM bronze.raw_machine_cycles AS b WHERE b.time > (SELECT w.last_processed_ts"
        " FROM _etl.watermarks AS w WHERE w.pipeline = 'machine_cycles') AND b.id <= 5",
    )
    plant.load()
    assert len(plant.silver()) == 6
    assert plant.chain.value(lag) == 0


def test_a_watermark_put_back_without_its_readings_stops_the_load(plant: Plant) -> None:
    plant.send(cycle(0, 5), cycle(10, 15))
    plant.load()
    plant.chain.run(
        "SELECT setval('bronze.raw_machine_cycles_id_seq', 1, false)",
        "UPDATE _etl.watermarks SET last_processed_id = 0",
    )
    with pytest.raises(psycopg2.Error, match="went back: it stands at 0, and ids up to 2"):
        plant.load()


def test_run_logs_are_kept_for_30_days(plant: Plant) -> None:
    for days in (29, 31):
        plant.chain.run(
            "INSERT INTO _etl.job_runs (pipeline, started_at, status)"
            f" VALUES ('machine_cycles', now() - interval '{days} days', 'succeeded')"
        )
    plant.load()
    ages = "SELECT now()::date - started_at::date FROM _etl.job_runs ORDER BY 1"
    assert [age for (age,) in plant.chain.query(ages)] == [0, 29]


def test_the_offsets_to_resume_from_cover_every_partition(plant: Plant) -> None:
    with plant.chain.session() as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO bronze.raw_machine_cycles"
            " (device_id, machine_iot_id, kafka_partition, kafka_offset, time)"
            " VALUES ('D', 1, %s, %s, timestamptz '2026-03-02 12:00Z' - %s * interval '1 minute')",
            [(7, 500, 90), (1, 41, 30), (1, 43, 5), (1, 42, 4), (2, 9, 59), (None, None, 0)],
        )
    found = plant.chain.query(
        "SELECT kafka_partition, kafka_offset, to_char(stored_at AT TIME ZONE 'UTC', 'HH24:MI')"
        " FROM _etl.v_kafka_offsets WHERE source_table = 'bronze.raw_machine_cycles'"
        " ORDER BY kafka_partition"
    )
    # Partition 7 has been silent: like any other that is not listed it resumes at 11:00.
    # Partition 1 was set back, or its topic was made anew, and is at 42.
    assert found == [(1, 42, "11:56"), (2, 9, "11:01"), (None, None, "11:00")]


@pytest.mark.requires("native")
def test_a_row_too_large_for_jsonb_is_rejected_and_holds_nothing_up(plant: Plant) -> None:
    plant.send(cycle(0, 5))
    plant.chain.run(
        "INSERT INTO bronze.raw_machine_cycles (device_id, machine_iot_id, cycle_start, program_no)"
        " VALUES ('D', -1, now(), repeat('x', 300000000))"
    )
    plant.send(cycle(10, 15))
    assert plant.counters(plant.load()) == (3, 2, 0, 1)
    assert plant.rejects() == [(2, "row_too_large")]
    kept = "SELECT length(row_data ->> 'program_no'), row_data ->> 'id' FROM _etl.rejected_rows"
    assert plant.chain.query(kept) == [(1000, "2")]
    resend = "CALL _etl.sp_resend_rejected('machine_cycles')"
    assert plant.chain.query(resend) == [(0,)]


def test_a_disabled_pipeline_does_nothing(plant: Plant) -> None:
    plant.send(cycle(0, 10))
    plant.chain.run("UPDATE _etl.watermarks SET enabled = false")
    assert plant.load() == {}
    assert plant.silver() == []
    plant.chain.run("UPDATE _etl.watermarks SET enabled = true")
    assert plant.load()["rows_loaded"] == 1


@pytest.mark.parametrize(
    "call", ["sp_run_pipeline('machine_dreams', 0, '{}')", "sp_resend_rejected('machine_dreams')"]
)
def test_an_unknown_pipeline_is_named(plant: Plant, call: str) -> None:
    with pytest.raises(psycopg2.errors.NoDataFound, match="machine_dreams"):
        plant.chain.run(f"CALL _etl.{call}")


def test_a_run_that_was_killed_is_marked_as_interrupted_by_the_next(plant: Plant) -> None:
    plant.chain.run(
        "INSERT INTO _etl.job_runs (pipeline, backend_pid) VALUES ('machine_cycles', 2147483647)"
    )
    plant.load()
    assert plant.chain.query("SELECT status FROM _etl.job_runs ORDER BY run_id") == [
        ("interrupted",),
        ("succeeded",),
    ]


FLAKY = (
    "CREATE SEQUENCE public.attempts",
    "CREATE FUNCTION public.flaky() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$"
    " BEGIN IF nextval('public.attempts') <= {failures} THEN"
    " RAISE EXCEPTION 'planted' USING ERRCODE = 'deadlock_detected'; END IF;"
    " RETURN NEW; END $$",
    "CREATE TRIGGER flaky BEFORE INSERT ON silver.machine_cycles"
    " FOR EACH ROW EXECUTE FUNCTION public.flaky()",
)
SOUND = (
    "DROP TRIGGER flaky ON silver.machine_cycles",
    "DROP FUNCTION public.flaky()",
    "DROP SEQUENCE public.attempts",
)


def test_a_batch_that_meets_a_deadlock_is_tried_again(plant: Plant) -> None:
    plant.send(cycle(0, 10))
    plant.chain.run(*(text.format(failures=3) for text in FLAKY))
    try:
        run = plant.load()
    finally:
        plant.chain.run(*SOUND)
    assert (run["status"], run["rows_loaded"], run["rows_rejected"]) == ("succeeded", 1, 0)


def test_a_batch_that_meets_deadlocks_without_end_fails_and_keeps_its_place(plant: Plant) -> None:
    plant.send(cycle(0, 10))
    plant.chain.run(*(text.format(failures=4) for text in FLAKY))
    try:
        with pytest.raises(psycopg2.errors.DeadlockDetected, match="planted"):
            plant.load()
    finally:
        plant.chain.run(*SOUND)
    assert plant.silver() == []
    assert plant.counters(plant.load()) == (1, 1, 0, 0)
