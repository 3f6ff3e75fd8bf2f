"""What is rolled up is there right after the upgrade, and holds over a stay in v1."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from setu.simulate.fleet import make_fleet
from setu.simulate.fleet_size import FleetSize
from tests.chain import Chain, Row, chain_on
from tests.edge_cases.rows import LAST_MIDNIGHT
from tests.servers.server import Server

FLEET = FleetSize(companies=1, plants=2, machines=3, days=40, cycles_per_machine_day=6)
UNTIL = LAST_MIDNIGHT - timedelta(days=1)
AGO_20 = f"'{UNTIL - timedelta(days=20):%Y-%m-%d}'::timestamptz"
FILLED = "0114"
SHIFTS = (
    "SELECT r.machine_iot_id, r.logical_date, r.shift_id, r.company_iot_id, r.plant_iot_id,"
    " r.shift_name, r.planned_sec, r.downtime_sec, r.stops, r.cycles, r.cycles_without_std,"
    " r.std_sec, r.run_time_sec, r.parts, r.rejects, r.unpaired_readings"
    " FROM gold.{} AS r ORDER BY 1, 2, 3"
)
ADD_CYCLE = (
    "INSERT INTO silver.machine_cycles (company_id, machine_id, cycle_start, cycle_end)"
    " SELECT m.company_id, m.machine_id, {at}, {at} + interval '50 s'"
    " FROM master.machine_info AS m"
)
# What happens in v1, and how many of the newest days it may concern.
IN_V1 = {
    "nothing": ("SELECT 1", 7),
    "a new cycle": (ADD_CYCLE.format(at="now() - interval '1 hour'"), 7),
    "an old cycle": (ADD_CYCLE.format(at=f"{AGO_20} + interval '11 s'"), 25),
    "an old stop lasts longer": (
        f"UPDATE silver.machine_downtime SET down_end = {AGO_20} + interval '70 hours'"
        f" WHERE down_start >= {AGO_20} AND down_start < {AGO_20} + interval '2 days'",
        25,
    ),
    "an old day goes": (
        f"DELETE FROM silver.machine_cycles WHERE cycle_start >= {AGO_20}"
        f" AND cycle_start < {AGO_20} + interval '1 day'",
        25,
    ),
}
BY_HAND = (
    "UPDATE silver.machine_focas SET part_count = part_count + 1"
    f" WHERE event_time >= {AGO_20} AND event_time < {AGO_20} + interval '3 days'"
)


#: Of dates that run.
IN_V1_JUST_NOW = (
    ADD_CYCLE.format(at="now() - interval '1 hour'"),
    "UPDATE silver.machine_focas SET part_count = part_count + 3"
    " WHERE time >= now() - interval '60 hours'",
    "DELETE FROM silver.machine_downtime WHERE down_start >= now() - interval '48 hours'"
    " AND machine_id = (SELECT min(m.machine_id) FROM master.machine_info AS m)",
)
COUNTED = (
    "SELECT r.machine_iot_id, r.logical_date, r.shift_id, r.shift_name, sum(r.stops),"
    " sum(r.cycles), sum(r.cycles_without_std), sum(r.std_sec), sum(r.run_time_sec),"
    " sum(r.readings), sum(r.parts), sum(r.readings_with_parts), sum(r.rejects),"
    " sum(r.readings_with_rejects), sum(r.unpaired_readings) FROM gold.running_shifts AS r"
    " WHERE r.logical_date >= (now() AT TIME ZONE 'UTC')::date - 3 GROUP BY 1, 2, 3, 4"
    " HAVING sum(r.stops + r.cycles + r.readings) > 0 ORDER BY 1, 2, 3, 4"
)


@pytest.fixture
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        with chain.session() as connection:
            make_fleet(connection, FLEET, until=UNTIL)
        yield chain


@pytest.fixture
def chain(v1: Chain) -> Chain:
    v1.upgrade(FILLED)
    return v1


def roll_up_anew(chain: Chain) -> list[Row]:
    """All that silver says, rolled up into an empty table."""
    chain.run("DELETE FROM gold.machine_shifts; DELETE FROM gold.rolled_up_dates")
    chain.run("CALL gold.sp_roll_up(0, NULL)")
    return chain.query(SHIFTS.format("machine_shifts"))


def test_history_is_rolled_up_when_the_step_ends(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    there = chain.query(SHIFTS.format("machine_shifts"))
    assert len({row[1] for row in there}) >= FLEET.days - 4
    assert not chain.query(
        "SELECT d.day FROM gold.rolled_up_dates AS r"
        " CROSS JOIN LATERAL gold.fn_unread_dates(r.first_date, r.last_date) AS d (day)"
    )
    assert there == roll_up_anew(chain)
    # As reports say that read silver, date by date.
    chain.run("DELETE FROM gold.machine_shifts; DELETE FROM gold.rolled_up_dates")
    days: set[date] = {row[1] for row in there}
    singly = chain.query(SHIFTS.format("v_machine_shifts"))
    assert [row for row in singly if row[1] in days] == there
    assert chain.broken(FILLED) == [FILLED]
    chain.downgrade("0113")
    with caplog.at_level(logging.INFO, "setu"):
        chain.upgrade(FILLED)
    assert "gold machine_shifts: " in caplog.text
    assert chain.query(SHIFTS.format("machine_shifts")) == there


@pytest.mark.parametrize("what", IN_V1)
def test_what_v1_changes_before_the_swap_is_in_the_first_report_after_it(
    v1: Chain, what: str
) -> None:
    statement, _ = IN_V1[what]
    v1.upgrade("0106")
    v1.run(statement)
    v1.upgrade("0107")
    assert not v1.query(
        "SELECT d.day FROM master.plants AS p"
        " LEFT JOIN gold.rolled_up_dates AS r ON r.plant_iot_id = p.iot_id"
        " CROSS JOIN LATERAL gold.fn_unread_dates(r.first_date, r.last_date) AS d (day)"
    )
    # Planned time of the day that runs goes on.
    first = [row for row in v1.query(SHIFTS.format("v_machine_shifts")) if row[1] < UNTIL.date()]
    assert len({row[1] for row in first}) >= FLEET.days - 1
    v1.run("DELETE FROM gold.machine_shifts; DELETE FROM gold.rolled_up_dates")
    from_silver = v1.query(SHIFTS.format("v_machine_shifts"))
    assert first == [row for row in from_silver if row[1] < UNTIL.date()]


def test_catching_up_rolls_up_what_v1_has_changed(v1: Chain) -> None:
    v1.upgrade("0106")
    before = v1.query(SHIFTS.format("machine_shifts").replace("gold.", "_stage."))
    v1.run(IN_V1["an old day goes"][0])
    v1.run("CALL _stage.catch_up()")
    after = v1.query(SHIFTS.format("machine_shifts").replace("gold.", "_stage."))
    assert {row[1] for row in set(before) ^ set(after)} == {
        UNTIL.date() - timedelta(days=20),
        UNTIL.date() - timedelta(days=21),
    }
    assert v1.query("SELECT count(*) FROM _stage.stale_machine_days") == [(0,)]


def test_what_runs_is_counted_whatever_v1_changes_on_the_way(v1: Chain) -> None:
    for begin in ("0104", "0106"):
        v1.upgrade(begin)
        v1.run(*IN_V1_JUST_NOW)
        v1.upgrade("0107")
        counted = v1.query(COUNTED)
        assert any(row[5] for row in counted)
        assert any(row[10] for row in counted)
        v1.run("SELECT gold.fn_count_running_shifts()")
        assert v1.query(COUNTED) == counted
        v1.downgrade("0001")


@pytest.mark.requires("community")
def test_aggregates_have_at_the_swap_what_v1_wrote_since_they_were_filled(v1: Chain) -> None:
    v1.upgrade("0106")
    hour = v1.value("SELECT date_trunc('hour', now(), 'UTC')")
    for at in (f"'{hour}'::timestamptz - interval '10 minutes'", f"{AGO_20} + interval '11 s'"):
        v1.run(ADD_CYCLE.format(at=at))
    v1.upgrade("0107")
    for unit, rows in (
        (
            "hour",
            "SELECT bucket_time, machine_iot_id, total_cycles FROM gold.hourly_production_stats",
        ),
        ("day", "SELECT day, machine_iot_id, total_cycles FROM gold.daily_production_stats"),
    ):
        kept = f"SELECT a, m, sum(n) FROM ({rows}) AS g (a, m, n) WHERE a < '{hour}' GROUP BY 1, 2"
        silver = (
            f"SELECT date_trunc('{unit}', c.cycle_start, 'UTC') AS a, c.machine_iot_id, count(*)"
            " FROM silver.machine_cycles AS c"
            f" WHERE c.cycle_start < date_trunc('{unit}', '{hour}'::timestamptz, 'UTC')"
            " GROUP BY 1, 2"
        )
        assert v1.query(f"{kept} ORDER BY 1, 2") == v1.query(f"{silver} ORDER BY 1, 2") != []


@pytest.mark.parametrize("what", IN_V1)
def test_a_stay_in_v1_leaves_what_it_did_not_change(chain: Chain, what: str) -> None:
    statement, days = IN_V1[what]
    before = chain.value("SELECT max(r.rolled_up_at) FROM gold.machine_shifts AS r")
    chain.downgrade("0001")
    chain.run(statement)
    chain.upgrade(FILLED)
    there = chain.query(SHIFTS.format("machine_shifts"))
    kept = {
        row[0]
        for row in chain.query(
            f"SELECT DISTINCT r.logical_date FROM gold.machine_shifts AS r"
            f" WHERE r.rolled_up_at <= '{before}'"
        )
    }
    oldest = UNTIL.date() - timedelta(days=days)
    assert {row[1] for row in there if row[1] < oldest} <= kept
    assert there == roll_up_anew(chain)


@pytest.mark.parametrize("revision", [FILLED, "0113"])
def test_rows_that_v2_changes_before_the_way_back_are_rolled_up_again(
    chain: Chain, revision: str
) -> None:
    chain.downgrade(revision)
    chain.run(BY_HAND)
    chain.downgrade("0106")
    chain.upgrade(FILLED)
    # What the triggers noted is processed, or not rolled up yet.
    chain.run("CALL gold.sp_roll_up(0, NULL)")
    assert chain.query(SHIFTS.format("machine_shifts")) == roll_up_anew(chain)


def reads_of_silver(chain: Chain) -> int:
    """How often a report on all machines computes shifts from silver."""
    counted = (
        "SELECT coalesce(sum(f.calls), 0)::integer FROM pg_stat_xact_user_functions AS f"
        " WHERE f.funcname = 'fn_read_machine_shifts'"
    )
    with chain.session() as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute("SET track_functions = 'pl'")
        # Of what the session did before, some may not be reported yet.
        cursor.execute(counted)
        [(before,)] = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM gold.v_oee_dashboard")
        cursor.execute(counted)
        [(after,)] = cursor.fetchall()
    return int(after - before)


def test_a_report_reads_silver_once_a_plant_and_date_however_many_machines(chain: Chain) -> None:
    assert reads_of_silver(chain) == 0
    chain.run(BY_HAND)
    stale = chain.value(
        "SELECT count(DISTINCT (pm.plant_iot_id, k.logical_date)) FROM gold.fn_days_to_redo() AS k"
        " INNER JOIN master.plant_machine_mapping AS pm ON pm.machine_iot_id = k.machine_iot_id"
    )
    assert reads_of_silver(chain) == stale > 0
    chain.run(
        "DELETE FROM gold.machine_shifts; DELETE FROM gold.rolled_up_dates;"
        " DELETE FROM gold.stale_machine_days"
    )
    dates = chain.value("SELECT count(*) FROM gold.fn_unread_dates(NULL, NULL)")
    assert reads_of_silver(chain) == FLEET.plants * dates > 0
