"""What counts as unhealthy, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from setu.ops.health import Health, Pipeline, Thresholds, judge

WELL = Pipeline(
    name="machine_cycles",
    enabled=True,
    rows_behind=10,
    seconds_behind=5,
    held_up_by=None,
    last_status="succeeded",
    last_started_at=None,
    run_age=20,
    run_seconds=1,
    rows_read=10,
    rows_loaded=10,
    rows_merged=0,
    rows_rejected=0,
    rows_late=0,
    error=None,
    runs_of_day=1440,
    failed_of_day=1,
)


def found(pipeline: Pipeline, thresholds: Thresholds | None = None) -> list[str]:
    return [f.what for f in judge(Health((pipeline,), (), (), ()), thresholds)]


def test_a_pipeline_that_runs_and_keeps_up_is_healthy() -> None:
    assert found(WELL) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"enabled": False}, "is disabled"),
        ({"run_age": None, "last_status": None}, "has never run"),
        ({"run_age": 301}, "last ran 5 min ago"),
        ({"last_status": "failed", "error": "22P02: broken\nmore"}, "failed at its last run"),
        ({"seconds_behind": 601, "rows_behind": 1234}, "is 1,234 rows and 10 min behind"),
        ({"failed_of_day": 200}, "failed 200 of 1440 runs in a day"),
    ],
)
def test_each_trouble_is_named(change: dict[str, Any], what: str) -> None:
    [said] = found(replace(WELL, **change))
    assert said.startswith(what)


def test_thresholds_can_be_moved() -> None:
    late = replace(WELL, run_age=1000, seconds_behind=1000)
    assert found(late, Thresholds(run_age=2000, lag=2000)) == []


def test_the_transaction_that_holds_the_fence_is_named() -> None:
    held = replace(WELL, seconds_behind=700, held_up_by="pid 42 (setu_ingest)")
    [finding] = judge(Health((held,), (), (), ()))
    assert "pid 42" in finding.advice
