"""What ``setu status --all`` shows fits 80 columns when numbers are as large as they get."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from setu.cli.commands.status import everything
from setu.ops.health import (
    BrokenCondition,
    Condition,
    Health,
    Job,
    KafkaOffset,
    Pipeline,
    Reject,
    lines,
)
from setu.ops.presentation import brief, plain_table, span

LONGEST = "machine_focas_program_production"
NOW = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def health(count: int, seconds: float) -> Health:
    pipeline = Pipeline(
        LONGEST, True, count, seconds, None, "interrupted", NOW, seconds, seconds,
        count, count, count, count, count, None, 1, 1,
    )  # fmt: skip
    return Health(
        pipelines=(pipeline,),
        rejects=(Reject(LONGEST, "value_out_of_range", 999_999_999, 999_999, ""),),
        jobs=(
            Job(99_999, "policy_compression", f"bronze.raw_{LONGEST}", "", True, NOW, "Success"),
        ),
        offsets=(KafkaOffset(f"bronze.raw_{LONGEST}", 12_345, 9_999_999_999_999, NOW),),
        conditions=(Condition("sequences_give_each_id_once", "", None, "needs what " * 12),),
        findings=(
            BrokenCondition("pipelines_run", f"gold.{LONGEST}_{LONGEST}", "is far off " * 12, "a"),
        ),
    )


@pytest.mark.parametrize("count", [0, 999_999, 999_999_999, 999_999_999_999_999])
@pytest.mark.parametrize("seconds", [0.0, 99.94, 5_999, 359_999, 999_999_999.0])
def test_every_line_fits_80_columns_and_no_word_is_cut(count: int, seconds: float) -> None:
    seen = health(count, seconds)
    text = [*lines(seen), *everything(seen)]
    assert [line for line in text if len(line) > 80] == []
    for name in (LONGEST, f"raw_{LONGEST}", f"gold.{LONGEST}_{LONGEST}", "9999999999999"):
        assert any(name in line.split() for line in text), name


def test_a_count_is_exact_below_a_million_and_never_rounded_up() -> None:
    assert [brief(n) for n in (0, 999_999, 1_000_000, 999_999_999, 2_350_000_000)] == [
        "0", "999,999", "1.0 M", "999.9 M", "2.3 G",
    ]  # fmt: skip


def test_a_time_is_said_in_its_largest_unit() -> None:
    assert [span(s) for s in (None, 0.04, 59.96, 99.96, 3_600, 37_043 * 60, 10**9)] == [
        "–", "0.0 s", "60.0 s", "2 min", "60 min", "26 d", "32 y",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "written"),
    [("two\nlines", r"two\nlines"), ("\x1b[31mred", r"\x1b[31mred"), ("Düse\u2028", r"Düse\u2028")],
)
def test_a_name_stays_on_its_line(name: str, written: str) -> None:
    table = list(plain_table("company", ("key", "name"), [("A", name), ("B", "b")]))
    assert len("\n".join(table).splitlines()) == len(table)
    assert table[3] == f"  A    {written}"
