"""Which statements of a step go to the server together, and where each line of them is from."""

from __future__ import annotations

from setu.chain.batches import batches, joined
from setu.chain.script import Origin, Statement


def statement(text: str, line: int) -> Statement:
    lines = tuple(Origin("a.sql", line + n) for n in range(text.count("\n") + 1))
    return Statement(text, "", False, lines)


def test_neighbours_that_only_write_catalogs_go_together() -> None:
    texts = [
        "COMMENT ON TABLE a IS 'SELECT'",
        "DROP FUNCTION f()",
        "ALTER TABLE a ADD COLUMN b int",
        "CREATE TABLE b AS SELECT 1",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f()",
        "REVOKE ALL ON FUNCTION f() FROM PUBLIC",
        "SELECT _archive.migrate_rest_back()",
        "CALL p()",
        "GRANT SELECT ON a TO b",
    ]
    sizes = [len(batch) for batch in batches(statement(text, 1) for text in texts)]
    assert sizes == [2, 1, 1, 3, 1, 1, 1]


def test_each_line_has_its_origin() -> None:
    batch = [statement("DROP VIEW v -- why", 3), statement("DROP\n  VIEW\n  w", 10)]
    whole = joined(batch)
    assert len(whole.lines) == whole.text.count("\n") + 1
    for text, line in (("VIEW v", 3), ("DROP\n", 10), ("  VIEW\n", 11), ("  w", 12)):
        assert whole.origin_at(whole.text.index(text) + 1) == Origin("a.sql", line)
