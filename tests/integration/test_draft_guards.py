"""Rows that do not fit a drafted constraint: the draft refuses, and says which and how many."""

from __future__ import annotations

import psycopg2
import pytest

from setu.catalog.parsing.pieces import SourceFile
from setu.review.drafted_sql import draft
from setu.review.sides import files_catalog
from tests.v1 import run_all

TABLE = "CREATE TABLE odd.t (id integer, a integer, b integer{});"


@pytest.mark.parametrize(
    ("wanted", "message", "detail"),
    [
        (
            TABLE.format("").replace("a integer", "a integer NOT NULL"),
            "cannot set odd.t.a NOT NULL because rows do not fit",
            "2 rows do not fit: a IS NULL",
        ),
        (
            TABLE.format(", CONSTRAINT t_check CHECK (b < 3 AND a > 0)"),
            "cannot add t_check to odd.t because rows do not fit",
            "3 rows do not fit: NOT (",
        ),
        (
            TABLE.format(", CONSTRAINT t_key UNIQUE (a, b)"),
            "cannot add t_key to odd.t because rows do not fit",
            "2 rows have the same a, b as another",
        ),
        (
            TABLE.format(", CONSTRAINT t_pkey PRIMARY KEY (id, a)"),
            "cannot set odd.t.a NOT NULL because rows do not fit",
            "2 rows do not fit: a IS NULL",
        ),
        (
            TABLE.format(", CONSTRAINT t_pkey PRIMARY KEY (b)"),
            "cannot add t_pkey to odd.t because rows do not fit",
            "5 rows have the same b as another",
        ),
    ],
    ids=["not null", "check", "unique", "key with null", "key that is shared"],
)
def test_a_draft_refuses_rows_that_do_not_fit_and_counts_them(
    database_url: str, wanted: str, message: str, detail: str
) -> None:
    sides = [files_catalog([SourceFile("odd/t.sql", t)]) for t in (TABLE.format(""), wanted)]
    drafted = draft(*sides)
    rows = "INSERT INTO odd.t (id, a, b) VALUES (1, NULL, 4), (2, NULL, 1), (3, 5, 4), (4, 5, 4)"
    fill = ["CREATE SCHEMA odd", TABLE.format(""), f"{rows}, (5, 9, 1)"]
    run_all(database_url, *fill)
    with pytest.raises(psycopg2.IntegrityError) as caught:
        run_all(database_url, *drafted.statements)
    said = caught.value.diag
    assert said.message_primary == message
    assert (said.message_detail or "").startswith(detail), said.message_detail
    assert said.message_hint == "Correct these rows, or take them away, and run this again"
    run_all(database_url, "DELETE FROM odd.t WHERE id < 5", *drafted.statements)
