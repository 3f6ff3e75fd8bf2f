"""Source templates as files: what is read from them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from setu.ingest.source_templates import (
    SourceTemplateError,
    read_template,
    read_templates,
    template_path,
)


def _template(folder: Path, ddl: str) -> Path:
    template_path("raw_x", folder).write_text(ddl, encoding="utf-8")
    return folder


def test_each_template_opens_with_the_columns_that_every_source_sends() -> None:
    templates = read_templates()
    assert "raw_machine_cycles" in templates
    for template in templates.values():
        assert template.names[:4] == (
            "kafka_partition",
            "kafka_offset",
            "device_id",
            "machine_iot_id",
        )
        assert [column.not_null for column in template.columns[:4]] == [False, False, True, True]


def test_there_is_a_template_for_each_of_the_ten_facts() -> None:
    facts = (
        "alarms", "am_status", "cycles", "downtime", "energy", "focas",
        "focas_program_production", "pm_status", "status", "tool_usage",
    )  # fmt: skip
    assert list(read_templates()) == [f"raw_machine_{fact}" for fact in facts]


def test_business_columns_of_a_template_are_nullable_and_hold_nothing_calculated() -> None:
    for template in read_templates().values():
        for column in template.columns[4:]:
            assert not column.not_null, f"{template.table}.{column.name}"
            assert not column.name.startswith(("actual_cycle", "actual_load", "shift", "company"))


def test_the_row_number_of_the_file_is_not_sent() -> None:
    assert "row_no" not in read_template("raw_machine_cycles").names


@pytest.mark.parametrize(
    ("ddl", "message"),
    [
        ("CREATE TABEL raw_x (row_no INTEGER)", "not SQLite DDL"),
        ("CREATE TABLE raw_y (row_no INTEGER)", "does not make table raw_x"),
        ("CREATE TABLE raw_x (device_id TEXT)", "row_no as its first column"),
        ("CREATE TABLE raw_x (row_no INTEGER, a VARCHAR(5))", "no counterpart"),
        ("CREATE TABLE raw_x (row_no INTEGER, a)", "no counterpart"),
    ],
)
def test_a_template_of_another_shape_is_refused(tmp_path: Path, ddl: str, message: str) -> None:
    with pytest.raises(SourceTemplateError, match=message):
        read_template("raw_x", _template(tmp_path, ddl))


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceTemplateError, match=r"bronze\.raw_x"):
        read_template("raw_x", tmp_path)
