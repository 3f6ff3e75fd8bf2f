"""What schema/ asks of v2 against what v2 really is, all 47 objects of it.

The requests are applied: each table of v1 is made once more at the head of the chain, under
``asked_<layer>``, as its requests leave it. PostgreSQL then writes both down in one way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from setu.catalog import Catalog
from setu.chain.releases import first_release_end
from setu.review.change_requests import BESIDE, ObjectFile, read_schema
from setu.review.held import hold
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

FILES = read_schema(ROOT / "schema")
TABLES = [f for f in FILES if f.kind == "Tables" and f.requests[0].target != "object"]
OTHERS = [f for f in FILES if f not in TABLES]
V1 = Catalog.from_json((ROOT / "schema" / "catalog.json").read_text(encoding="utf-8"))
# The time column of a fact, and what stands before and after its own columns.
FACT_HEAD = ["logical_date", "company_iot_id", "machine_iot_id", "shift_id", "shift_name"]
TIMES = ("event_time", "cycle_start", "down_start")


class Wanted:
    """A table of v1, changed request by request."""

    def __init__(self, file: ObjectFile, v2: Catalog) -> None:
        self.file = file
        self.columns = {
            name.strip('"'): _definition(column)
            for name, column in _of(V1, "column", file.qualified_name)
        }
        self.constraints = {
            name: str(c["definition"]) for name, c in _of(V1, "constraint", file.qualified_name)
        }
        self.indexes = {
            key.name.split(".")[1]: (
                "UNIQUE " if index.get("unique") else "",
                str(index["definition"]).split(f" ON {file.qualified_name} ")[1],
            )
            for key, index in V1.objects.items()
            if key.kind == "index"
            and index.get("table") == file.qualified_name
            and "constraint" not in index
        }
        self._v2 = dict(_of(v2, "constraint", file.qualified_name))
        for request in (r for r in file.requests if r.target not in BESIDE):
            getattr(self, f"_{request.action}_{request.target}")(request.name, request.detail)

    def _add_column(self, name: str, detail: str) -> None:
        assert name not in self.columns, f"{self.file.qualified_name}.{name} is there already"
        self.columns[name] = detail

    def _retype_column(self, name: str, detail: str) -> None:
        assert name in self.columns, f"{self.file.qualified_name}.{name} is not there"
        self.columns[name] = detail

    def _drop_column(self, name: str, _: str) -> None:
        del self.columns[name]

    def _rename_column(self, name: str, detail: str) -> None:
        self.columns[detail] = self.columns.pop(name)
        renamed = re.compile(rf'"{name}"|\b{name}\b')
        self.constraints = {n: renamed.sub(detail, d) for n, d in self.constraints.items()}
        self.indexes = {n: (u, renamed.sub(detail, d)) for n, (u, d) in self.indexes.items()}

    def _add_constraint(self, name: str, detail: str) -> None:
        # A bare CHECK leaves the condition to v2.
        if detail == "CHECK" and name in self._v2:
            detail = str(self._v2[name]["definition"])
        self.constraints[name] = detail

    def _drop_constraint(self, name: str, _: str) -> None:
        del self.constraints[name]

    def _add_index(self, name: str, detail: str) -> None:
        unique = "UNIQUE " if detail.startswith("UNIQUE ") else ""
        self.indexes[name] = (unique, detail.removeprefix(unique))

    def _drop_index(self, name: str, _: str) -> None:
        del self.indexes[name]

    def statements(self) -> Iterator[str]:
        """The table under its schema of what was asked for."""
        table = f"asked_{self.file.qualified_name}"
        columns = ", ".join(f'"{name}" {detail}' for name, detail in self.columns.items())
        yield f"CREATE SCHEMA IF NOT EXISTS asked_{self.file.layer}"
        yield f"CREATE TABLE {table} ({columns})"
        for name, detail in self.constraints.items():
            if detail != "CHECK":
                yield f"ALTER TABLE {table} ADD CONSTRAINT {name} {detail}"
        for name, (unique, detail) in self.indexes.items():
            yield f"CREATE {unique}INDEX {name} ON {table} {detail}"


def _definition(column: Mapping[str, Any]) -> str:
    parts = [str(column["type"])]
    if column.get("not_null"):
        parts.append("NOT NULL")
    if "default" in column:
        parts.append(f"DEFAULT {column['default']}")
    return " ".join(parts)


def _of(catalog: Catalog, kind: str, table: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, description in catalog.objects.items():
        if key.kind == kind and key.name.startswith(f"{table}."):
            yield key.name.removeprefix(f"{table}."), description


def parts_of(catalog: Catalog, table: str) -> dict[str, dict[str, Any]]:
    """Columns, constraints and indexes of a table, without comments and without its schema."""
    found = {
        f"{kind} {name}": dict(description)
        for kind in ("column", "constraint")
        for name, description in _of(catalog, kind, table)
    }
    for key, description in catalog.objects.items():
        if key.kind == "index" and description.get("table") == table:
            found[f"index {key.name.split('.')[1]}"] = dict(description)
    for description in found.values():
        description.pop("comment", None)
        description.pop("table", None)
        if "definition" in description:
            description["definition"] = str(description["definition"]).replace("asked_", "")
    return found


def unheld_tables(chain: Chain) -> list[str]:
    """Where v2's tables are not what was asked for."""
    v2 = chain.catalog()
    chain.run(*(s for file in TABLES for s in Wanted(file, v2).statements()))
    try:
        both = chain.catalog()
    finally:
        chain.run(*(f"DROP SCHEMA IF EXISTS asked_{f.layer} CASCADE" for f in TABLES))
    found = []
    for file in TABLES:
        asked = parts_of(both, f"asked_{file.qualified_name}")
        real = parts_of(both, file.qualified_name)
        found += [
            f"{file.qualified_name}: {name}: asked {asked.get(name)}, found {real.get(name)}"
            for name in sorted({*asked, *real})
            if asked.get(name) != real.get(name)
        ]
        # A bare CHECK that v2 does not have.
        found += [
            f"{file.qualified_name}: constraint {r.name}: asked for, not found"
            for r in file.requests
            if r.target == "constraint"
            and r.action == "add"
            and r.detail == "CHECK"
            and f"constraint {r.name}" not in real
        ]
    return found


def definitions(catalog: Catalog, name: str) -> list[str]:
    """All that goes by a qualified name and can be called, read or written to."""
    return [
        f"{key} {dict(description)}"
        for key, description in catalog.objects.items()
        if key.kind in ("table", "view", "continuous aggregate", "function", "procedure")
        and re.split(r"\(| ", key.name)[0] == name
    ]


def unheld_object(file: ObjectFile, v2: Catalog) -> list[str]:
    """What does not hold of an object that was to leave or to be written anew."""
    [request] = file.requests
    here = definitions(v2, file.qualified_name)
    if request.action == "drop":
        return [f"{file.qualified_name}: was to go, is there: {found}" for found in here]
    found = []
    if not definitions(v2, request.detail):
        found.append(f"{file.qualified_name}: {request.detail} is not there")
    if request.detail != file.qualified_name and here:
        found.append(f"{file.qualified_name}: was to be replaced, is there")
    if here and here == definitions(V1, file.qualified_name):
        found.append(f"{file.qualified_name}: was to be written anew, is as it was")
    return found


def at_hand(file: ObjectFile, chain: Chain) -> bool:
    """Whether the server's edition can have what v2 has in the object's place."""
    layer, name = (file.requests[0].detail or file.qualified_name).split(".")
    texts = (
        path.read_text(encoding="utf-8")
        for path in (ROOT / "schema_new" / layer).glob(f"*/{name}.sql")
    )
    return chain.community or not any("-- @community\nCREATE" in text for text in texts)


@pytest.fixture(scope="module")
def v2(server: Server) -> Iterator[Chain]:
    """A database at the end of v2.0: what comes later was not asked for there."""
    with chain_on(server) as chain:
        chain.upgrade(first_release_end(ROOT))
        yield chain


@pytest.fixture(scope="module")
def catalog(v2: Chain) -> Catalog:
    return v2.catalog()


def test_schema_has_all_objects_of_v1() -> None:
    assert len(FILES) == 47


def test_each_table_is_what_was_asked_for_and_nothing_more(v2: Chain) -> None:
    assert unheld_tables(v2) == []


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: file.qualified_name)
def test_each_other_object_left_or_was_written_anew(
    v2: Chain, catalog: Catalog, file: ObjectFile
) -> None:
    if at_hand(file, v2):
        assert unheld_object(file, catalog) == []
    else:
        assert definitions(catalog, file.qualified_name) == []


def test_order_of_columns_and_settings_are_as_they_were_asked_for(
    v2: Chain, catalog: Catalog
) -> None:
    beside = [r for r in hold(V1, catalog, FILES) if r.request.target in BESIDE]
    assert len(beside) >= 14
    if not v2.community:
        beside = [r for r in beside if r.file.layer != "gold"]
    assert [f"{r.text}: {r.problem}" for r in beside if r.problem] == []


def test_facts_have_their_columns_in_the_order_that_was_asked_for(catalog: Catalog) -> None:
    facts = {
        key.name: list(table["columns"])
        for key, table in catalog.objects.items()
        if key.kind == "table" and key.name.startswith("silver.")
    }
    del facts["silver.latest_cycle_state"]
    assert len(facts) == 11
    for name, columns in facts.items():
        assert columns[-1] == "created_at", name
        head = FACT_HEAD if name != "silver.customer_feedback" else FACT_HEAD[1:3]
        assert columns[: len(head)] == head, name
        assert columns[len(head)] in TIMES, name


def test_no_hypertable_of_v2_has_a_foreign_key(v2: Chain) -> None:
    assert not v2.query(
        "SELECT c.conrelid::regclass, c.conname FROM pg_constraint AS c"
        " INNER JOIN timescaledb_information.hypertables AS h"
        " ON c.conrelid = format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass"
        " WHERE c.contype = 'f' AND h.hypertable_schema <> '_archive'"
    )


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        (
            "ALTER TABLE master.plants ALTER COLUMN timezone DROP NOT NULL",
            "master.plants: column timezone",
        ),
        ("ALTER TABLE master.plants DROP CONSTRAINT plants_timezone_check", "plants_timezone_chec"),
        ("ALTER TABLE master.users ADD COLUMN colour text", "master.users: column colour"),
        (
            "ALTER TABLE master.companies ALTER COLUMN pin_code TYPE varchar(20)",
            "master.companies: column pin_code",
        ),
        (
            "DROP INDEX silver.machine_energy_event_time_idx",
            "silver.machine_energy: index machine_energy_event_time_idx",
        ),
        (
            "ALTER TABLE config.alert_rules DROP CONSTRAINT alert_rules_check",
            "config.alert_rules: constraint alert_rules_check",
        ),
    ],
)
def test_a_table_that_is_not_what_was_asked_for_is_named(
    fresh: Chain, planted: str, named: str
) -> None:
    fresh.run(planted)
    assert any(named in line for line in unheld_tables(fresh))


def test_an_object_that_should_have_gone_or_come_is_named(fresh: Chain) -> None:
    by_name = {file.qualified_name: file for file in FILES}
    fresh.run(
        "CREATE TABLE bronze.raw_telemetry (i integer)",
        "DROP VIEW gold.v_live_machine_status",
        "ALTER FUNCTION master.fn_get_shift_id RENAME TO get_shift_id",
    )
    found = fresh.catalog()
    assert unheld_object(by_name["bronze.raw_telemetry"], found)
    assert unheld_object(by_name["gold.v_live_machine_status"], found)
    assert len(unheld_object(by_name["master.get_shift_id"], found)) == 2
    assert unheld_object(by_name["alerting.proc_check_device_heartbeat"], V1)


@pytest.fixture(scope="module")
def fresh(server: Server) -> Iterator[Chain]:
    """v2 to be broken: without rows and column store, which would refuse some of it."""
    with chain_on(server) as chain:
        chain.upgrade("0304")
        yield chain
