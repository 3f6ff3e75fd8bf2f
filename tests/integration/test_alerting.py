"""Alerts on the new keys: who is told, how often, and when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg2.errors
import psycopg2.extensions
import pytest

from setu.chain.order import schema_sections, script_of
from tests.fresh_v2 import add_company, add_machine, v2_database
from tests.servers.at_hand import Server
from tests.v1 import ROOT, connect, query, run, value

HEARTBEAT = "CALL alerting.proc_check_device_heartbeat()"
DOWNTIME = "CALL alerting.proc_check_machine_downtime()"


@pytest.fixture(scope="module")
def module_url(server: Server) -> Iterator[str]:
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture(scope="module")
def module_database(server: Server, module_url: str) -> Iterator[psycopg2.extensions.connection]:
    with v2_database(module_url, server.capabilities) as connection:
        yield connection


@pytest.fixture
def v2(
    module_database: psycopg2.extensions.connection,
) -> Iterator[psycopg2.extensions.connection]:
    """One database for all tests here, emptied after each: now() moves on with each commit."""
    yield module_database
    module_database.rollback()
    run(module_database, "RESET ROLE")
    run(
        module_database, "TRUNCATE alerting.history, silver.machine_status, silver.machine_downtime"
    )
    run(module_database, "TRUNCATE gold.long_stops, alerting.engine_runs")
    run(module_database, "TRUNCATE master.companies, master.device_info CASCADE")
    module_database.commit()


def call(connection: psycopg2.extensions.connection, statement: str) -> None:
    """Run in a transaction of its own, as a scheduler does: now() moves on."""
    connection.commit()
    run(connection, statement)
    connection.commit()


def report(
    connection: psycopg2.extensions.connection, company: int, machine: int, ago: str
) -> None:
    """The machine was running that long ago."""
    run(
        connection,
        "INSERT INTO silver.machine_status (logical_date, company_iot_id, machine_iot_id,"
        " shift_id, event_time, status) SELECT current_date, %s, %s, 0,"
        " clock_timestamp() - %s::interval, 'Running'",
        company,
        machine,
        ago,
    )


def stop(
    connection: psycopg2.extensions.connection,
    company: int,
    machine: int,
    ago: str,
    lasted: str | None,
) -> None:
    """A stop that began that long ago; it goes on where no length is given."""
    run(
        connection,
        "INSERT INTO silver.machine_downtime (logical_date, company_iot_id, machine_iot_id,"
        " shift_id, down_start, down_end) SELECT current_date, %s, %s, 0,"
        " clock_timestamp() - %s::interval, clock_timestamp() - %s::interval + %s::interval",
        company,
        machine,
        ago,
        ago,
        lasted,
    )


def rule(
    connection: psycopg2.extensions.connection,
    threshold: str,
    company: int | None = None,
    enabled: bool = True,
    operator: str = ">",
    metric: str = "downtime_duration",
) -> int:
    """A rule on the length of a stop."""
    return int(
        value(
            connection,
            "INSERT INTO config.alert_rules (rule_name, metric, condition_operator,"
            " threshold_value, enabled, company_iot_id)"
            " VALUES ('Long stop', %s, %s, %s, %s, %s) RETURNING rule_id",
            metric,
            operator,
            threshold,
            enabled,
            company,
        )
    )


def alerts(connection: psycopg2.extensions.connection) -> list[tuple[Any, ...]]:
    """Company, machine, rule and status of each alert, in order."""
    return query(
        connection,
        "SELECT h.company_iot_id, h.machine_iot_id, h.rule_id, h.status"
        " FROM alerting.history AS h ORDER BY h.alert_id",
    )


def test_a_silent_machine_raises_one_alert_that_carries_its_company(
    v2: psycopg2.extensions.connection,
) -> None:
    first, second = add_company(v2, "C1"), add_company(v2, "C2")
    heard, silent = add_machine(v2, first, "M1"), add_machine(v2, second, "M2")
    never = add_machine(v2, second, "M3")
    report(v2, first, heard, "14 minutes")
    report(v2, second, silent, "16 minutes")
    for _ in range(3):
        call(v2, HEARTBEAT)
    assert sorted(alerts(v2)) == [(second, silent, None, "New"), (second, never, None, "New")]
    shown = query(
        v2,
        "SELECT h.message, h.value_at_alert = 'Never' FROM alerting.history AS h"
        " ORDER BY h.machine_iot_id",
    )
    message = "Device Offline / Heartbeat Missed"
    assert shown == [(message, False), (message, True)]


def test_the_threshold_of_heartbeats_can_be_set_and_must_make_sense(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    report(v2, company, add_machine(v2, company, "M1"), "10 minutes")
    call(v2, HEARTBEAT)
    assert not alerts(v2)
    call(v2, "CALL alerting.proc_check_device_heartbeat(p_threshold_minutes => 9)")
    assert len(alerts(v2)) == 1
    for wrong in ("0", "-1", "NULL"):
        with pytest.raises(psycopg2.errors.InvalidParameterValue):
            run(v2, f"CALL alerting.proc_check_device_heartbeat({wrong})")
        v2.rollback()


def test_a_machine_that_is_heard_again_resolves_its_alert_and_can_raise_the_next(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    report(v2, company, machine, "3 hours")
    call(v2, HEARTBEAT)
    run(v2, "UPDATE alerting.history SET time = time - INTERVAL '2 hours'")
    # What the gateway kept from before the alert is no sign of life.
    report(v2, company, machine, "2 hours 10 minutes")
    call(v2, HEARTBEAT)
    assert [row[3] for row in alerts(v2)] == ["New"]
    report(v2, company, machine, "1 hour")
    call(v2, HEARTBEAT)
    assert [row[3] for row in alerts(v2)] == ["Resolved", "New"]
    report(v2, company, machine, "0")
    call(v2, HEARTBEAT)
    assert [row[3] for row in alerts(v2)] == ["Resolved", "Resolved"]
    assert not query(v2, "SELECT 1 FROM alerting.history WHERE resolved_at IS NULL")


def test_a_long_stop_raises_one_alert_for_each_rule_that_holds(
    v2: psycopg2.extensions.connection,
) -> None:
    first, second = add_company(v2, "C1"), add_company(v2, "C2")
    one, other = add_machine(v2, first, "M1"), add_machine(v2, second, "M2")
    short = add_machine(v2, first, "M3")
    for_all, for_first = rule(v2, "600"), rule(v2, "1200.5", first)
    rule(v2, "3600")
    rule(v2, "1", enabled=False)
    stop(v2, first, one, "30 minutes", None)
    stop(v2, second, other, "2 hours", "30 minutes")
    stop(v2, first, short, "2 hours", "9 minutes")
    for _ in range(3):
        call(v2, DOWNTIME)
    assert sorted(alerts(v2)) == [
        (first, one, for_all, "New"),
        (first, one, for_first, "New"),
        # It was over before anybody looked.
        (second, other, for_all, "Resolved"),
    ]
    assert value(v2, "SELECT count(*) FROM alerting.active_alerts") == 3
    assert value(v2, "SELECT min(message) FROM alerting.history") == (
        "Long stop: down for 1800 s, allowed are 1200.5 s"
    )


def test_an_open_stop_speaks_for_the_machine_before_a_later_one(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "600")
    stop(v2, company, machine, "1 hour", None)
    stop(v2, company, machine, "20 minutes", "1 minute")
    call(v2, DOWNTIME)
    assert len(alerts(v2)) == 1


def test_a_stop_raises_no_second_alert_after_somebody_resolved_the_first(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "600")
    stop(v2, company, machine, "2 hours", "30 minutes")
    call(v2, DOWNTIME)
    run(v2, "UPDATE alerting.history SET status = 'Resolved', resolved_at = now()")
    call(v2, DOWNTIME)
    assert len(alerts(v2)) == 1


def test_the_next_stop_resolves_the_alert_of_the_last(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "600")
    stop(v2, company, machine, "3 hours", "30 minutes")
    call(v2, DOWNTIME)
    run(v2, "UPDATE alerting.history SET time = time - INTERVAL '2 hours'")
    stop(v2, company, machine, "5 minutes", None)
    call(v2, DOWNTIME)
    assert [row[3] for row in alerts(v2)] == ["Resolved"]
    assert not query(v2, "SELECT 1 FROM alerting.active_alerts")


def test_a_rule_whose_threshold_is_no_number_is_named_and_stops_nothing(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "ten minutes")
    rule(v2, "600")
    stop(v2, company, machine, "1 hour", None)
    v2.notices.clear()
    call(v2, DOWNTIME)
    assert len(alerts(v2)) == 1
    assert any("ten minutes is not a number" in notice for notice in v2.notices)


@pytest.mark.parametrize(
    ("operator", "threshold", "fires"),
    [
        (">", "1800", False),
        (">", "1799", True),
        (">=", "1800", True),
        (">=", "1801", False),
        ("<", "600", False),
        ("<", "1801", True),
        ("<=", "1800", True),
        ("=", "1800", True),
        ("==", "1799", False),
        ("<>", "1800", False),
        ("!=", "600", True),
    ],
)
def test_the_operator_of_a_rule_is_honoured(
    v2: psycopg2.extensions.connection, operator: str, threshold: str, fires: bool
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, threshold, operator=operator)
    stop(v2, company, machine, "2 hours", "30 minutes")
    run(v2, "UPDATE silver.machine_downtime SET down_end = down_start + INTERVAL '30 minutes'")
    call(v2, DOWNTIME)
    assert len(alerts(v2)) == fires


def test_a_rule_below_a_threshold_does_not_fire_at_a_stop_of_days(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "600", operator="<")
    stop(v2, company, machine, "487762 seconds", None)
    call(v2, DOWNTIME)
    assert not alerts(v2)


def test_an_alert_is_resolved_at_the_check_after_its_stop_has_ended(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "600")
    stop(v2, company, machine, "1 hour", None)
    call(v2, DOWNTIME)
    assert [row[3] for row in alerts(v2)] == ["New"]
    run(v2, "UPDATE silver.machine_downtime SET down_end = clock_timestamp()")
    for _ in range(2):
        call(v2, DOWNTIME)
        assert [row[3] for row in alerts(v2)] == ["Resolved"]
    assert value(v2, "SELECT count(resolved_at) FROM alerting.history") == 1


def test_an_endless_stop_is_an_open_one(v2: psycopg2.extensions.connection) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    rule(v2, "600")
    stop(v2, company, machine, "1 hour", "0")
    run(v2, "UPDATE silver.machine_downtime SET down_end = 'infinity'")
    call(v2, DOWNTIME)
    assert value(v2, "SELECT value_at_alert FROM alerting.history") == "3600"


def test_a_clock_in_the_future_does_not_keep_a_machine_alive(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    report(v2, company, machine, "1 hour")
    report(v2, company, machine, "-100 years")
    call(v2, HEARTBEAT)
    assert len(alerts(v2)) == 1


def test_a_rule_that_cannot_be_evaluated_is_said_to_be_so_once(
    v2: psycopg2.extensions.connection,
) -> None:
    faulty = [
        rule(v2, "ten minutes"),
        rule(v2, "600", operator="LIKE"),
        rule(v2, "90", metric="temperature"),
    ]
    rule(v2, "n/a", enabled=False)
    v2.notices.clear()
    for _ in range(3):
        call(v2, DOWNTIME)
    warnings = [notice for notice in v2.notices if "is left out" in notice]
    assert len(warnings) == 3
    assert query(v2, "SELECT f.rule_id, f.reason FROM alerting.rule_faults AS f ORDER BY 1") == [
        (faulty[0], "its threshold ten minutes is not a number of seconds"),
        (faulty[1], "its operator LIKE is none of > >= < <= = <>"),
        (faulty[2], "no check knows the metric temperature"),
    ]
    run(v2, "UPDATE config.alert_rules SET enabled = false WHERE metric = 'temperature'")
    run(v2, "UPDATE config.alert_rules SET condition_operator = '>='")
    call(v2, DOWNTIME)
    assert query(v2, "SELECT f.rule_id FROM alerting.rule_faults AS f") == [(faulty[0],)]


def test_the_engine_is_overdue_when_nothing_has_run_it_for_an_hour_while_rules_are_enabled(
    v2: psycopg2.extensions.connection,
) -> None:
    overdue = "SELECT s.is_overdue FROM alerting.v_engine_state AS s"
    assert value(v2, overdue) is False
    rule(v2, "600")
    assert value(v2, overdue) is False
    run(v2, "UPDATE config.alert_rules SET created_at = now() - INTERVAL '61 minutes'")
    assert value(v2, overdue) is True
    call(v2, "CALL alerting.proc_run_engine()")
    assert value(v2, overdue) is False
    run(v2, "UPDATE alerting.engine_runs SET finished_at = now() - INTERVAL '61 minutes'")
    assert value(v2, overdue) is True
    run(v2, "UPDATE config.alert_rules SET enabled = false")
    assert value(v2, overdue) is False


@pytest.mark.requires("community")
def test_a_job_runs_the_engine_only_where_it_is_asked_for(
    v2: psycopg2.extensions.connection,
) -> None:
    jobs = (
        "SELECT count(*) FROM timescaledb_information.jobs AS j WHERE j.proc_name = 'sp_run_engine'"
    )
    assert value(v2, jobs) == 0
    run(v2, "SET setu.run_alerts = 'yes'")
    for section in schema_sections(ROOT):
        if section.name == "run_alerts":
            for statement in script_of(section).statements("community"):
                run(v2, statement.text)
    assert value(v2, jobs) == 1
    number = value(
        v2,
        "SELECT j.job_id FROM timescaledb_information.jobs AS j"
        " WHERE j.proc_name = 'sp_run_engine' AND j.owner::text = 'setu_etl'",
    )
    run(v2, "CALL run_job(%s)", number)
    assert value(v2, "SELECT count(*) FROM alerting.engine_runs") == 2
    v2.rollback()


def test_the_engine_runs_both_checks_as_the_role_of_the_jobs(
    v2: psycopg2.extensions.connection,
) -> None:
    company = add_company(v2, "C1")
    machine = add_machine(v2, company, "M1")
    number = rule(v2, "600")
    stop(v2, company, machine, "1 hour", None)
    v2.commit()
    run(v2, "SET ROLE setu_etl")
    call(v2, "CALL alerting.proc_run_engine()")
    assert alerts(v2) == [(company, machine, None, "New"), (company, machine, number, "New")]


@pytest.mark.requires("multi_session")
def test_two_engines_at_once_raise_one_alert(
    v2: psycopg2.extensions.connection, module_url: str
) -> None:
    company = add_company(v2, "C1")
    add_machine(v2, company, "M1")
    v2.commit()
    run(v2, HEARTBEAT)
    second = connect(module_url)
    try:
        run(second, "SET lock_timeout = '200ms'")
        with pytest.raises(psycopg2.errors.LockNotAvailable):
            run(second, HEARTBEAT)
        second.rollback()
        v2.commit()
        run(second, HEARTBEAT)
        second.commit()
    finally:
        second.close()
    assert len(alerts(v2)) == 1
