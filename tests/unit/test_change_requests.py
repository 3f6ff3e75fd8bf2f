"""The grammar of the change requests at the head of schema/'s files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from setu.catalog import Catalog, ObjectKey
from setu.review.change_requests import (
    ChangeRequestError,
    ObjectFile,
    read_object_file,
    read_schema,
)
from setu.review.held import hold

SCHEMA = Path(__file__).resolve().parents[2] / "schema"
FILES = read_schema(SCHEMA)


def _object_file(folder: Path, text: str, kind: str = "Tables") -> Path:
    path = folder / "master" / kind / "plants.sql"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.qualified_name)
def test_each_file_of_schema_opens_with_requests(file: ObjectFile) -> None:
    opening, _, _ = file.path.read_text().partition("\n\n")
    lines = [line for line in opening.splitlines() if not line.startswith("--     ")]
    assert len(lines) == len(file.requests) > 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.qualified_name)
def test_each_request_names_what_the_file_or_an_earlier_request_made(file: ObjectFile) -> None:
    sql = "\n".join(
        line for line in file.path.read_text().splitlines() if not line.startswith("--")
    )
    known = set(re.findall(r"[a-z_][a-z0-9_]*", sql))
    for request in file.requests:
        if request.action in ("drop", "rename", "retype") and request.name:
            assert request.name in known
        if request.action == "add":
            known.add(request.name)
        if request.action == "rename":
            known.add(request.detail)


def test_every_form_of_the_grammar_is_read(tmp_path: Path) -> None:
    lines = [
        "add column iot_id integer GENERATED ALWAYS AS IDENTITY",
        "rename column iot_id TO source_iot_id",
        "retype column rej_count integer NOT NULL DEFAULT 0",
        "add constraint plants_company_iot_id_plant_id_key UNIQUE (company_iot_id, plant_id)",
        "add constraint plants_timezone_check CHECK",
        "add index plants_city_idx UNIQUE USING btree (plant_city) WHERE plant_city <> ''",
        "drop column plant_id",
        "drop constraint plants_pkey",
        "drop index idx_plants",
        "drop",
        "replace BY master.shift_definitions",
    ]
    path = _object_file(tmp_path, "\n".join(f"-- change: {line}" for line in lines))

    read = read_object_file(path)

    assert read.qualified_name == "master.plants"
    assert [(r.action, r.target, r.name, r.detail) for r in read.requests] == [
        ("add", "column", "iot_id", "integer GENERATED ALWAYS AS IDENTITY"),
        ("rename", "column", "iot_id", "source_iot_id"),
        ("retype", "column", "rej_count", "integer NOT NULL DEFAULT 0"),
        (
            "add",
            "constraint",
            "plants_company_iot_id_plant_id_key",
            "UNIQUE (company_iot_id, plant_id)",
        ),
        ("add", "constraint", "plants_timezone_check", "CHECK"),
        (
            "add",
            "index",
            "plants_city_idx",
            "UNIQUE USING btree (plant_city) WHERE plant_city <> ''",
        ),
        ("drop", "column", "plant_id", ""),
        ("drop", "constraint", "plants_pkey", ""),
        ("drop", "index", "idx_plants", ""),
        ("drop", "object", "", ""),
        ("replace", "object", "", "master.shift_definitions"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "-- change: add column iot_id",
        "-- change: add column iot_id intager (",
        "-- change: add column Iot_Id integer",
        "-- change: add column a integer; DROP TABLE t",
        "-- change: add constraint plants_pkey PRIMARY (iot_id)",
        "-- change: add index plants_idx btree plant_id",
        "-- change: rename column a b",
        "-- change: remove column a",
        "-- change: drop column a, b",
        "-- change: replace BY shift_definitions",
        "-- change:",
        "-- change add column a integer",
        "--change: drop",
        "-- Change: drop",
        "  -- change: drop",
    ],
)
def test_a_broken_line_is_named_by_file_and_line(tmp_path: Path, line: str) -> None:
    path = _object_file(tmp_path, f"-- change: drop column plant_id\n{line}\n")

    with pytest.raises(ChangeRequestError) as caught:
        read_object_file(path)

    assert f"{path}:2" in caught.value.title
    assert any(line.strip() in entry for entry in caught.value.context)


def test_a_request_goes_on_in_the_lines_below_it(tmp_path: Path) -> None:
    text = (
        "-- change: add constraint plants_city_key\n--     UNIQUE (city,\n--     plant_id)\n"
        "-- change: drop column a\n-- A comment.\n--     not a request\n"
    )
    first, second = read_object_file(_object_file(tmp_path, text)).requests
    assert (first.detail, first.line) == ("UNIQUE (city, plant_id)", 1)
    assert (second.name, second.line) == ("a", 4)


def test_a_request_below_the_opening_block_is_named(tmp_path: Path) -> None:
    path = _object_file(tmp_path, "-- change: drop\n\nSELECT 1;\n-- change: drop\n")
    with pytest.raises(ChangeRequestError, match=r"plants\.sql:4"):
        read_object_file(path)


def test_a_file_without_a_request_is_named(tmp_path: Path) -> None:
    path = _object_file(tmp_path, "SELECT 1;\n")
    with pytest.raises(ChangeRequestError, match="no change request"):
        read_object_file(path)


def test_a_file_in_a_folder_that_is_no_kind_is_named(tmp_path: Path) -> None:
    path = _object_file(tmp_path, "-- change: drop\n", kind="Tabels")
    with pytest.raises(ChangeRequestError, match="no kind of object"):
        read_object_file(path)


BESIDE_FORMS = [
    "order columns a, b, c",
    "set chunk interval 1 month",
    "set retention 2 years",
    "drop retention",
    "set materialized_only false",
    "set refresh FROM start TO 1 hour EVERY 01:00:00",
    "set refresh FROM 30 days TO 1 hour EVERY 1 hour",
    "drop refresh",
]


def _beside_catalog() -> Catalog:
    table = "master.plants"
    refresh = f"_timescaledb_functions.policy_refresh_continuous_aggregate on {table}"
    objects: dict[ObjectKey, dict[str, Any]] = {
        ObjectKey("table", table): {"columns": ["a", "b", "c"]},
        ObjectKey("dimension", f"{table}.b"): {"chunk_interval": "30 days"},
        ObjectKey("job", f"_timescaledb_functions.policy_retention on {table}"): {
            "config": {"drop_after": "2 years"}
        },
        ObjectKey("continuous aggregate", table): {"materialized_only": False},
        ObjectKey("job", refresh): {
            "config": {"start_offset": None, "end_offset": "01:00:00"},
            "schedule_interval": "01:00:00",
        },
    }
    return Catalog(objects)


@pytest.mark.parametrize(
    ("request_line", "holds"),
    [
        ("order columns a, b, c", True),
        ("order columns a, c, b", False),
        ("set chunk interval 1 month", True),
        ("set chunk interval 7 days", False),
        ("set retention 2 years", True),
        ("set retention 24 months", True),
        ("set retention 1 year", False),
        ("drop retention", False),
        ("set materialized_only false", True),
        ("set materialized_only true", False),
        ("set refresh FROM start TO 1 hour EVERY 1 hour", True),
        ("set refresh FROM 30 days TO 1 hour EVERY 1 hour", False),
        ("drop refresh", False),
    ],
)
def test_order_and_settings_are_held_against_v2(
    tmp_path: Path, request_line: str, holds: bool
) -> None:
    file = read_object_file(_object_file(tmp_path, f"-- change: {request_line}\n"))
    [held] = hold(Catalog({}), _beside_catalog(), [file])
    assert (held.problem == "") is holds, held.problem


@pytest.mark.parametrize("line", BESIDE_FORMS)
def test_forms_beside_the_definition_are_read(tmp_path: Path, line: str) -> None:
    file = read_object_file(_object_file(tmp_path, f"-- change: {line}\n"))
    assert file.requests[0].target in ("columns", "setting")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("order columns a, b, a", "a column twice"),
        ("order columns a b", "none of the forms"),
        ("set chunk interval one month", "no interval"),
        ("set retention", "none of the forms"),
        ("set materialized_only maybe", "neither true nor false"),
        ("set refresh 1 hour", "is written FROM start TO"),
        ("set refresh FROM start TO never EVERY 1 hour", "never is no interval"),
        ("drop chunk interval", "none of the forms"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(ChangeRequestError, match=reason):
        read_object_file(_object_file(tmp_path, f"-- change: {line}\n"))
