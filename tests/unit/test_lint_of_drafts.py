"""A draft passes ``setu lint``, squawk's rules among it, once a person has settled its points."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alembic import command
from setu.catalog.parsing.pieces import SourceFile
from setu.chain.environment import COMMAND
from setu.chain.repository import alembic_config, steps_to
from setu.chain.scaffold import OPEN
from setu.cli.commands.lint import all_problems
from setu.review.draft import draft_steps
from setu.review.sides import files_catalog
from setu.review.squawk import squawk_program
from tests.mini_repository import MiniRepository

TABLE = (
    "CREATE TABLE odd.t (\n    id integer NOT NULL, a integer, b integer,"
    " at timestamptz NOT NULL{}\n);"
)
HYPER = f"{TABLE.format('')} SELECT create_hypertable('odd.t', by_range('at'));"
FUNCTION = (
    "CREATE FUNCTION odd.f(p integer{}) RETURNS {} LANGUAGE sql IMMUTABLE SECURITY INVOKER"
    " RETURN p;"
)
AGGREGATE = (
    "CREATE MATERIALIZED VIEW odd.hourly WITH (timescaledb.continuous) AS"
    "\nSELECT time_bucket(INTERVAL '1 hour', t.at) AS hour{} FROM odd.t AS t GROUP BY 1;"
)
TRIGGER = (
    "CREATE FUNCTION odd.g() RETURNS trigger LANGUAGE plpgsql VOLATILE SECURITY INVOKER"
    " SET search_path = pg_catalog, pg_temp AS $function$ BEGIN RETURN NEW; END $function$;"
)

#: Two schemas by what differs; each is drafted in both directions.
SIDES = {
    "a column": (TABLE.format(""), TABLE.format(", c text")),
    "a column that may not be null": (TABLE.format(""), TABLE.format(", c text NOT NULL")),
    "a column of limited length": (TABLE.format(""), TABLE.format(", c varchar(3), d char(2)")),
    "a computed column": (
        TABLE.format(""),
        TABLE.format(", c integer GENERATED ALWAYS AS (a * 2) STORED"),
    ),
    "an identity": (
        TABLE.format(", c integer NOT NULL"),
        TABLE.format(", c integer GENERATED ALWAYS AS IDENTITY"),
    ),
    "a column that counts": (
        TABLE.format(""),
        TABLE.format(", c integer GENERATED ALWAYS AS IDENTITY"),
    ),
    "a column in the middle": (
        TABLE.format(""),
        TABLE.format("").replace("a integer,", "c text, a integer,"),
    ),
    "a default that differs by row": (
        TABLE.format(""),
        TABLE.format(", c timestamptz DEFAULT clock_timestamp()"),
    ),
    "a rename": (TABLE.format(", c integer"), TABLE.format(", d integer")),
    "not null": (TABLE.format(", c text"), TABLE.format(", c text NOT NULL DEFAULT 'none'")),
    "a type": (TABLE.format(", c integer"), TABLE.format(", c bigint")),
    "a collation": (TABLE.format(", c text"), TABLE.format(', c text COLLATE "C"')),
    "statistics": (
        TABLE.format(""),
        f"{TABLE.format('')} ALTER TABLE odd.t ALTER COLUMN a SET STATISTICS 300;",
    ),
    "a check": (TABLE.format(""), TABLE.format(", CONSTRAINT t_check CHECK (a > 0)")),
    "another check": (
        TABLE.format(", CONSTRAINT t_check CHECK (a > 0)"),
        TABLE.format(", CONSTRAINT t_check CHECK (a > 1)"),
    ),
    "a unique constraint": (TABLE.format(""), TABLE.format(", CONSTRAINT t_key UNIQUE (a)")),
    "another unique constraint": (
        TABLE.format(", CONSTRAINT t_key UNIQUE (a)"),
        TABLE.format(", CONSTRAINT t_key UNIQUE (a, b)"),
    ),
    "a primary key": (TABLE.format(""), TABLE.format(", CONSTRAINT t_pkey PRIMARY KEY (id)")),
    "a foreign key": (
        "CREATE TABLE odd.u (id integer, CONSTRAINT u_pkey PRIMARY KEY (id));" + TABLE.format(""),
        "CREATE TABLE odd.u (id integer, CONSTRAINT u_pkey PRIMARY KEY (id));"
        + TABLE.format(", CONSTRAINT t_fkey FOREIGN KEY (a) REFERENCES odd.u (id)"),
    ),
    "an index": (
        TABLE.format(""),
        f"{TABLE.format('')} CREATE INDEX t_idx ON odd.t USING btree (a);",
    ),
    "a unique index": (
        TABLE.format(""),
        f"{TABLE.format('')} CREATE UNIQUE INDEX t_idx ON odd.t USING btree (a);",
    ),
    "an index of a hypertable": (HYPER, f"{HYPER} CREATE INDEX t_idx ON odd.t USING btree (a);"),
    "the state of a table": (
        TABLE.format(""),
        f"{TABLE.format('')} ALTER TABLE odd.t ENABLE ROW LEVEL SECURITY;"
        " ALTER TABLE odd.t REPLICA IDENTITY FULL; ALTER TABLE odd.t SET (fillfactor = 70);",
    ),
    "an enum": ("", "CREATE TYPE odd.mood AS ENUM ('calm');"),
    "a type of columns": ("", "CREATE TYPE odd.pair AS (a integer, b integer);"),
    "a domain": ("", "CREATE DOMAIN odd.port AS integer CHECK (VALUE > 0);"),
    "a sequence": ("", "CREATE SEQUENCE odd.numbers AS integer;"),
    "another sequence": (
        "CREATE SEQUENCE odd.numbers AS integer;",
        "CREATE SEQUENCE odd.numbers AS integer INCREMENT BY 2;",
    ),
    "a table": ("", TABLE.format(",\n    c varchar(3),\n    d timestamp, e char(2)")),
    "a schema": ("", "CREATE SCHEMA apart; CREATE TABLE apart.t (id integer);"),
    "a function": ("", FUNCTION.format("", "integer")),
    "another function": (FUNCTION.format("", "integer"), FUNCTION.format("", "bigint")),
    "a trigger": (
        TABLE.format("") + TRIGGER,
        TABLE.format("") + TRIGGER + "CREATE TRIGGER t_trigger BEFORE INSERT ON odd.t"
        " FOR EACH ROW EXECUTE FUNCTION odd.g();",
    ),
    "a view": (
        f"{TABLE.format('')} CREATE VIEW odd.v AS SELECT t.a FROM odd.t AS t;",
        f"{TABLE.format('')} CREATE VIEW odd.v AS SELECT t.b, t.a FROM odd.t AS t;",
    ),
    "an aggregate": (HYPER + AGGREGATE.format(""), HYPER + AGGREGATE.format(", count(*) AS n")),
    "a role": (
        TABLE.format(""),
        f"CREATE ROLE setu_odd; {TABLE.format('')} GRANT SELECT ON odd.t TO setu_odd;"
        " GRANT pg_monitor TO setu_odd; ALTER ROLE setu_odd SET work_mem = '4MB';",
    ),
}


def drafted(root: Path, before: str, after: str) -> list[str]:
    """Draft a revision, and settle its points as a person would who agrees; what lint says then."""
    repository = MiniRepository(root)
    repository.add("0001_first")
    repository.write("schema_new/odd/t.sql", f"-- New: to try drafts.\n{after}")
    base = files_catalog([SourceFile("schema_new/odd/t.sql", before)])
    drafts, _ = draft_steps(root, base, "change it")
    assert drafts
    for number, made in enumerate(drafts):
        config = alembic_config(root)
        config.attributes[COMMAND] = command.revision
        command.revision(config, "change it alone" if number else "change it")
        made.write(steps_to(root)[-1])
    for path in (root / "sql").glob("*/*change_it*/*.sql"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(rf"\b{OPEN}\b:? ?", "", text), encoding="utf-8")
    return [p for p in all_problems(root) if not p.startswith("schema_new/")]


@pytest.mark.parametrize("back", [False, True], ids=["there", "back"])
@pytest.mark.parametrize("sides", SIDES.values(), ids=SIDES.keys())
def test_a_draft_passes_once_its_points_are_settled(
    tmp_path: Path, sides: tuple[str, str], back: bool
) -> None:
    assert squawk_program() is not None, "squawk-cli is not installed: run make setup"
    before, after = reversed(sides) if back else sides
    problems = drafted(tmp_path, before, after)
    said = [path.read_text(encoding="utf-8") for path in tmp_path.glob("sql/*/*change*/*.sql")]
    assert problems == [], "\n".join(said)
