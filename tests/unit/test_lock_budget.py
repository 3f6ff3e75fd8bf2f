"""Between which statements of a step its waits for locks are bounded together."""

from __future__ import annotations

import pytest

from setu.chain.lock_budget import bounded
from setu.chain.script import Origin, Statement

FIRST = "DROP TRIGGER t ON master.plants"
LEFT = "what is left / 1"


def waits(*texts: str) -> list[str]:
    """The statements, and `begin` and `go on` where a bound is set."""
    statements = [Statement(text, "", False, (Origin("a.sql", 1),)) for text in texts]
    found = []
    for statement in bounded(statements):
        if statement in statements:
            found.append(statement.text)
        elif "'setu.lock_deadline'" in statement.text.split(",")[0]:
            found.append("begin")
        else:
            found.append(f"what is left / {statement.text.split('/')[1].split()[0]}")
    return found


@pytest.mark.parametrize(
    "second",
    [
        "DROP TRIGGER t ON master.companies",
        "DROP MATERIALIZED VIEW gold.a",
        "DROP INDEX silver.i",
        "DROP RULE r ON master.users",
        "DROP POLICY r ON master.users",
        "ALTER TABLE silver.a ADD COLUMN b int",
        "ALTER TABLE silver.a RENAME COLUMN b TO c",
        "ALTER TABLE silver.a SET SCHEMA b",
        "ALTER TRIGGER t ON silver.a RENAME TO u",
        "CREATE TRIGGER t BEFORE INSERT ON silver.a EXECUTE FUNCTION f()",
        "CREATE POLICY p ON silver.a",
        "CREATE RULE r AS ON INSERT TO silver.a DO INSTEAD NOTHING",
        "CREATE INDEX i ON silver.a (b)",
        "CREATE OR REPLACE VIEW gold.v AS SELECT 1",
        "CREATE TABLE a.b (c int REFERENCES master.users)",
        "CREATE TABLE a.b (c int, FOREIGN KEY (c) REFERENCES master.users)",
        "LOCK TABLE silver.a IN SHARE MODE",
        "TRUNCATE silver.a",
        "INSERT INTO silver.a VALUES (1)",
        "UPDATE silver.a SET b = 1",
        "DELETE FROM silver.a",
        "WITH d AS (DELETE FROM silver.a RETURNING *) SELECT * FROM d",
        "MERGE INTO silver.a USING b ON true WHEN MATCHED THEN DELETE",
    ],
)
def test_the_second_lock_has_what_the_first_left_of_the_time(second: str) -> None:
    assert waits(FIRST, "SELECT 1", second) == ["begin", LEFT, FIRST, "SELECT 1", LEFT, second]
    assert waits(second, FIRST) == ["begin", LEFT, second, LEFT, FIRST]


@pytest.mark.parametrize(
    ("several", "count"),
    [
        ("DROP VIEW gold.a, gold.b", 2),
        ("LOCK TABLE a.b, a.c, a.d IN SHARE MODE", 3),
        ("TRUNCATE a.b, a.c", 2),
        ("CREATE TABLE a.b (c int REFERENCES a.c, d int REFERENCES a.d)", 2),
        ("ALTER TABLE a.b ADD FOREIGN KEY (c) REFERENCES a.d", 2),
        ("ALTER TABLE a.b ADD FOREIGN KEY (c) REFERENCES a.b", 1),
    ],
)
def test_a_statement_that_names_several_has_a_share_for_each(several: str, count: int) -> None:
    assert waits(several) == ["begin", f"what is left / {count}", several]


@pytest.mark.parametrize(
    "quiet",
    [
        "SELECT * FROM silver.a",
        "CREATE TABLE a.b (c int)",
        "CREATE VIEW gold.v AS SELECT 1",
        "CREATE MATERIALIZED VIEW gold.v AS SELECT 1",
        "COMMENT ON TABLE silver.a IS 'b'",
        "GRANT SELECT ON silver.a TO b",
        "DROP FUNCTION master.f()",
        "INSERT INTO _archive.a SELECT * FROM silver.a",
        "DROP TABLE _stage.a",
        "ALTER TABLE _archive.a ADD COLUMN b int REFERENCES _archive.c",
    ],
)
def test_what_keeps_nobody_waiting_sets_no_bound(quiet: str) -> None:
    assert waits(quiet, FIRST, quiet) == [quiet, "begin", LEFT, FIRST, quiet]


def test_what_the_step_itself_made_keeps_nobody_waiting() -> None:
    made = ["CREATE TABLE a.b (c int)", "CREATE INDEX i ON a.b (c)", "CREATE VIEW a.v AS SELECT 1"]
    changed = ["ALTER TABLE a.b ADD COLUMN d int", "DROP INDEX a.i", "DROP VIEW a.v",
               "CREATE TABLE a.e (f int REFERENCES a.b)"]  # fmt: skip
    assert waits(FIRST, *made, *changed) == ["begin", LEFT, FIRST, *made, *changed]
    assert waits(changed[0], FIRST) == ["begin", LEFT, changed[0], LEFT, FIRST]
