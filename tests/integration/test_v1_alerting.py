"""v1's alert procedures: who gets a row of history, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.v1 import query, run, v1_database, value


@pytest.fixture
def fleet(database_url: str, server: Any) -> Iterator[Any]:
    """Three machines; m1 is in two companies."""
    with v1_database(database_url, server.capabilities) as connection:
        run(
            connection,
            """
            INSERT INTO master.companies (company_id, company_name) VALUES ('c', 'C'), ('d', 'D');
            INSERT INTO master.plants (plant_id, company_id) VALUES ('p', 'c'), ('p', 'd');
            INSERT INTO master.machine_info (machine_id, company_id, plant_id, device_id, iot_id)
            VALUES ('m1', 'c', 'p', 'd1', '1'), ('m2', 'c', 'p', 'd2', '2'),
                ('m1', 'd', 'p', 'd1', '1')
            """,
        )
        yield connection


def _seen(connection: Any, machine: str, company: str, minutes: float) -> None:
    run(
        connection,
        "INSERT INTO silver.machine_status (time, company_id, machine_id, status)"
        " VALUES (now() - make_interval(secs => 60 * %s), %s, %s, 'Running')",
        minutes,
        company,
        machine,
    )


def _down(
    connection: Any, start: float, end: float | None, machine: str = "m1", company: str = "c"
) -> None:
    """A downtime that began and ended so many seconds ago."""
    run(
        connection,
        "INSERT INTO silver.machine_downtime (down_start, down_end, company_id, machine_id)"
        " VALUES (now() - make_interval(secs => %s), now() - make_interval(secs => %s), %s, %s)",
        start,
        end,
        company,
        machine,
    )


def _rule(
    connection: Any,
    threshold: str,
    company: str | None = "c",
    *,
    metric: str = "downtime_duration",
    enabled: bool | None = True,
    value_type: str = "Numeric",
) -> int:
    rule = value(
        connection,
        "INSERT INTO config.alert_rules (rule_name, metric, condition_operator, threshold_value,"
        " company_id, enabled, value_type) VALUES ('Down', %s, '>', %s, %s, %s, %s)"
        " RETURNING rule_id",
        metric,
        threshold,
        company,
        enabled,
        value_type,
    )
    return int(rule)


def _history(connection: Any) -> list[tuple[Any, ...]]:
    return query(
        connection,
        "SELECT company_id, machine_id, rule_id, value_at_alert FROM alerting.history"
        " ORDER BY rule_id, company_id, machine_id",
    )


def test_a_machine_that_was_never_seen_or_not_of_late_gets_a_row(fleet: Any) -> None:
    _seen(fleet, "m1", "c", 14.9)
    _seen(fleet, "m1", "c", 600)
    _seen(fleet, "m2", "c", 15.1)
    run(fleet, "CALL alerting.proc_check_device_heartbeat()")
    found = query(
        fleet,
        "SELECT company_id, machine_id, rule_id, message, value_at_alert, status, resolved_at"
        " FROM alerting.history ORDER BY company_id",
    )
    message = "Device Offline / Heartbeat Missed"
    assert found == [
        ("c", "m2", None, message, found[0][4], "New", None),
        ("d", "m1", None, message, "Never", "New", None),
    ]
    assert value(
        fleet,
        "SELECT value_at_alert LIKE '%%+05:30' AND value_at_alert::timestamptz = (SELECT max(time)"
        " FROM silver.machine_status WHERE machine_id = %s) FROM alerting.history"
        " WHERE machine_id = 'm2'",
        "m2",
    )


def test_the_threshold_is_in_minutes_and_each_call_reports_again(fleet: Any) -> None:
    for machine, company in (("m1", "c"), ("m2", "c"), ("m1", "d")):
        _seen(fleet, machine, company, 10)
    run(fleet, "CALL alerting.proc_check_device_heartbeat(11)")
    assert _history(fleet) == []
    for _ in range(2):
        run(fleet, "CALL alerting.proc_check_device_heartbeat(9)")
    assert len(_history(fleet)) == 6


def test_a_status_of_a_machine_that_is_not_registered_raises_nothing(fleet: Any) -> None:
    _seen(fleet, "stray", "c", 600)
    run(fleet, "CALL alerting.proc_check_device_heartbeat()")
    assert value(fleet, "SELECT count(*) FROM alerting.history WHERE machine_id = 'stray'") == 0


@pytest.mark.parametrize(
    ("downtimes", "alert"),
    [
        ([(900, 200)], "700"),
        ([(900, 300)], None),
        ([(900, 299)], "601"),
        ([(900, None)], "900"),
        ([(500, None)], None),
        # The latest counts, and not a longer one before it.
        ([(9000, 1000), (900, 800)], None),
        # An open one counts before a later one that has ended.
        ([(9000, None), (900, 800)], "9000"),
        # An end before its start is no time at all.
        ([(900, 1800)], None),
        ([], None),
    ],
)
def test_a_downtime_above_the_threshold_gets_a_row(
    fleet: Any, downtimes: list[tuple[int, int | None]], alert: str | None
) -> None:
    rule = _rule(fleet, "600")
    for start, end in downtimes:
        _down(fleet, start, end)
    run(fleet, "CALL alerting.proc_check_machine_downtime()")
    assert _history(fleet) == ([("c", "m1", rule, alert)] if alert else [])


def test_a_rule_is_for_its_company_and_one_without_for_all(fleet: Any) -> None:
    for machine, company in (("m1", "c"), ("m2", "c"), ("m1", "d")):
        _down(fleet, 900, None, machine, company)
    own = _rule(fleet, "600", "d")
    common = _rule(fleet, "899.5", None)
    run(fleet, "CALL alerting.proc_check_machine_downtime()")
    assert [row[:3] for row in _history(fleet)] == [
        ("d", "m1", own),
        ("c", "m1", common),
        ("c", "m2", common),
        ("d", "m1", common),
    ]


@pytest.mark.parametrize(
    "rule",
    [
        {"threshold": "600", "enabled": False},
        {"threshold": "600", "enabled": None},
        {"threshold": "600", "metric": "temperature"},
        {"threshold": "an hour", "value_type": "String"},
        {"threshold": "600", "company": "d"},
    ],
)
def test_a_rule_that_is_not_meant_or_cannot_be_read_raises_nothing(
    fleet: Any, rule: dict[str, Any]
) -> None:
    _rule(fleet, **rule)
    _down(fleet, 900, None)
    run(fleet, "CALL alerting.proc_check_machine_downtime()")
    assert _history(fleet) == []


def test_a_downtime_of_a_machine_that_is_not_registered_raises_nothing(fleet: Any) -> None:
    _rule(fleet, "600", None)
    _down(fleet, 900, None, machine="stray")
    _down(fleet, 900, None, machine="m2", company="d")
    run(fleet, "CALL alerting.proc_check_machine_downtime()")
    assert _history(fleet) == []


def test_the_engine_runs_both_checks(fleet: Any) -> None:
    rule = _rule(fleet, "600")
    _down(fleet, 900, None)
    run(fleet, "CALL alerting.proc_run_engine()")
    assert sorted(_history(fleet), key=str) == sorted(
        [
            ("c", "m1", rule, "900"),
            ("c", "m1", None, "Never"),
            ("c", "m2", None, "Never"),
            ("d", "m1", None, "Never"),
        ],
        key=str,
    )
