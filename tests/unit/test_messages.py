"""Each message that a person may read is brought about by a test; here, what needs no server.

The messages are read from the code and from the SQL: what is raised, and what pre-flight finds. A
message without a test that quotes it fails.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from setu.chain import releases, repository, scaffold
from setu.chain.fresh import _execute as make_fresh
from setu.chain.header import Header, read_header
from setu.chain.order import sections_in_order
from setu.chain.runner import Run, run_step
from setu.chain.script import Origin, Script
from setu.chain.sections import read_sections
from setu.chain.settings import Settings
from setu.chain.standing import standing_checks
from setu.chain.step import Step
from setu.cli.commands import server
from setu.cli.main import app, load_commands
from setu.db.address import Address
from setu.db.rights import foreseen
from setu.errors import SetuError
from setu.ops import metrics
from setu.ops.chunk_interval import chunk_seconds
from setu.ops.register import entries_of_file
from setu.ops.schedule import Schedule
from setu.ops.worker import Worker
from setu.preflight import rules, v1_catalog
from setu.preflight.data_checks import load_checks
from setu.preflight.facts import ServerFacts
from setu.preflight.findings import Finding, Plan
from setu.review import plan, scratch, squawk
from setu.review.change_requests import read_object_file
from setu.review.reasons import read_reasons
from setu.review.sides import read_side
from setu.servers import embedded
from tests.v1 import ROOT

if not app.registered_commands:
    load_commands(app)

#: What no test quotes, and why.
NOT_QUOTED = {
    "cannot load cycles after id": "a guard against a fault in the load itself",
    "another database has just made role": "two deploys in the same millisecond",
    "may not drop it": "the deployer lost a right in the middle of the run",
    "stays: another database uses it": "another database began to, in the middle of the run",
    "still reads _archive": "its owner lost a right after pre-flight had found it movable",
    "is at work for long": "a writer of bronze that keeps its transaction open for a minute",
    "unexpected state": "a guard against a fault in psycopg2",
    "stand where the way back puts": "test_refusals brings it about, and looks at the names",
    "in schemas that the way back drops": "test_refusals brings it about, and looks at the names",
    "changes while it is being read": "a writer between two reads of one millisecond",
}
_SHORTEST = 9
_HOLE = "\0"
_RAISE = re.compile(r"RAISE (?:EXCEPTION|WARNING|NOTICE)\s+'((?:[^']|'')*)'")


def _templates(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may come to, with a hole for each value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(
            str(part.value) if isinstance(part, ast.Constant) else _HOLE for part in node.values
        )
    elif isinstance(node, ast.IfExp):
        yield from _templates(node.body)
        yield from _templates(node.orelse)
    elif isinstance(node, ast.BinOp):
        yield from (a + b for a in _templates(node.left) for b in _templates(node.right))


def _messages() -> Iterator[tuple[str, str]]:
    """Where each message stands, and its text."""
    for path in sorted((ROOT / "setu").rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            # A ValueError is for those who write code.
            if name == "Finding" or (name.endswith("Error") and name != "ValueError"):
                for text in _templates(node.args[0]):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text
    for folder in ("sql", "schema_new"):
        for path in sorted((ROOT / folder).rglob("*.sql")):
            # Those of a verify.sql are for the writer of the step.
            if path.name != "verify.sql":
                for found in _RAISE.finditer(path.read_text(encoding="utf-8")):
                    text = re.sub("%(?!%)", _HOLE, found.group(1).replace("''", "'"))
                    yield str(path.relative_to(ROOT)), text


def _quoted() -> set[str]:
    """Whatever stands in a string of a test, without what a pattern adds."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                plain = re.sub(r"\.[*+]\??|\\[dw][+*]", _HOLE, node.value)
                plain = re.sub(r"\\(.)", r"\1", plain)
                parts = (part.strip() for part in plain.split(_HOLE))
                # Two words or more: one alone would be in many messages.
                found.update(p for p in parts if len(p) >= _SHORTEST and " " in p)
    return found


def test_each_message_is_quoted_by_a_test_that_brings_it_about() -> None:
    quoted = _quoted()
    missing = []
    for where, text in _messages():
        parts = [part for part in text.split(_HOLE) if len(part.strip()) >= _SHORTEST]
        known = any(words in part or part.strip() in words for words in quoted for part in parts)
        if parts and not known and not any(one in text for one in NOT_QUOTED):
            missing.append(f"{where}: {text.replace(_HOLE, '…')}")
    assert missing == []


class _Ended:
    """An embedded server that is no more, and whose last word was that it failed."""

    url, is_running = "postgresql://x", False

    def __init__(self, **_: object) -> None:
        pass

    def __enter__(self) -> _Ended:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def _line(self, _deadline: float) -> bytes:
        return b'{"event": "failed", "message": "no memory"}'


class _Fails:
    """A database that refuses every statement."""

    def cursor(self) -> _Fails:
        return self

    def __enter__(self) -> _Fails:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, *_: object) -> None:
        raise psycopg2.ProgrammingError("refused")

    def rollback(self) -> None:
        pass


NODE = embedded.Node(Path("/bin/false"), "22.0.0", ("/bin/false",))
WITHOUT_LOCK: Any = SimpleNamespace(opts={"setu": Run(may_run=False)}, as_sql=False)
STATEMENT: Any = SimpleNamespace(text="SELECT 1", origin=Origin("a.sql", 1))


def _in_a_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _value(call: Callable[..., object], *given: object) -> object:
    """What a call returns, also where that is nothing."""
    return call(*given)


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def _scratch() -> bool:
    with scratch.scratch_database(Address.parse("postgresql://nobody@127.0.0.1/x")):
        return True


#: What is said, and what brings it about in a folder of its own.
CASES: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "f.sql:2 The header has an unknown key: wat": lambda *_: read_header(
        "-- what: a\n-- wat: b\n", "f.sql", required=True
    ),
    "f.sql:2 The header has the key what twice.": lambda *_: read_header(
        "-- what: a\n-- what: b\n", "f.sql", required=True
    ),
    "f.sql says 'transaction: maybe'.": lambda *_: read_header(
        "-- what: a\n-- transaction: maybe\n", "f.sql", required=False
    ),
    "the embedded server's npm packages could not be installed": lambda _, m: (
        m.setattr(embedded, "is_installed", lambda: False),
        m.setattr(embedded, "find_node", lambda *_: NODE),
        embedded.install(),
    ),
    "Sections of schema_new/ need each other, so none of them can come first.": lambda p, _: (
        _in_a_file(p, "schema_new/a/Views/x.sql", "CREATE VIEW a.x AS SELECT y.i FROM a.y;\n"),
        _in_a_file(p, "schema_new/a/Views/y.sql", "CREATE VIEW a.y AS SELECT x.i FROM a.x;\n"),
        sections_in_order(p),
    ),
    "f.sql:1 controls the transaction: COMMIT": lambda *_: (
        Script(
            "f.sql", "COMMIT;\n", (Origin("f.sql", 1), Origin("f.sql", 2)), Header({})
        ).all_statements
    ),
    "the embedded server has ended": lambda _, m: (
        m.setattr(embedded, "EmbeddedServer", _Ended),
        _value(server.run),
    ),
    "the embedded server failed": lambda *_: embedded.EmbeddedServer._expect(
        _Ended(),  # type: ignore[arg-type]
        "ready",
        1,
    ),
    "Metrics need the package prometheus-client.": lambda _, m: (
        _value(m.setitem, sys.modules, "prometheus_client", None),
        metrics.exposition(Address.parse("postgresql://nobody@127.0.0.1:1/x")),
    ),
    "interval is 0: it must be above 0, a day at most.": lambda *_: Worker(
        make_url("postgresql://nobody@127.0.0.1:1/x"), Schedule(interval=0), print, Event()
    ).check(),
    "people.csv is not fit to be registered; nothing was changed.": lambda p, _: entries_of_file(
        _in_a_file(p, "people.csv", "kind,nose\ncompany,long\n"), None
    ),
    "The server's disk is full.": lambda *_: _raise(
        foreseen(SimpleNamespace(closed=False), psycopg2.errors.DiskFull("no space"))
        or AssertionError()
    )(),
    "f.sql:3 The file has section a twice.": lambda *_: read_sections(
        "-- @section a\nSELECT 1;\n-- @section a\nSELECT 1;\n", "f.sql"
    ),
    "There is no setting named 'nope'.": lambda *_: Settings({"nope": "1"}),
    "sql/standing/x.sql does not say what it checks.": lambda p, _: (
        _in_a_file(p, "sql/standing/x.sql", "SELECT 1;\n"),
        standing_checks(p),
    ),
    "Revision 0001 has no up.sql.": lambda p, _: Step(p, "p0_baseline", "0001_x").script("up"),
    "Revision 0101 was about to run without the deploy lock.": lambda *_: run_step(
        Step(ROOT, "p1_normalization", "0101_expand_master"), "up", WITHOUT_LOCK
    ),
    "The revisions that are not released yet are in p5_lifecycle, not in r9_9.": lambda *_: (
        scaffold.next_place(ROOT, "9.9")
    ),
    "p5_lifecycle is released.": lambda _, m: (
        m.setattr(scaffold, "read_releases", lambda *_: [_release()]),
        m.setattr(scaffold, "folder_of", lambda _: "p5_lifecycle"),
        scaffold.next_place(ROOT, "9.9"),
    ),
    "There is nothing to release: 1.0 ends in the head.": lambda *_: releases._check_version(
        "1.1", [_release()], []
    ),
    "There is no chain here: neither in this folder nor in the installed package.": lambda p, m: (
        m.setattr(Path, "cwd", lambda: p),
        m.setattr(repository, "shipped_root", lambda: p),
        repository.repository_root(),
    ),
    "The chain has no revision 9999.": lambda *_: repository.steps_to(ROOT, "9999"),
    "DATABASE_URL names mysql, not PostgreSQL.": lambda *_: Address.parse(
        "mysql://h/d", source="DATABASE_URL"
    ),
    "Rate and row size must be above 0, and finite.": lambda *_: chunk_seconds(1, 0, 1),
    "sql/preflight/x.sql has no complete header.": lambda p, _: (
        _in_a_file(p, "sql/preflight/x.sql", "-- title: x\nSELECT 1;\n"),
        load_checks(p),
    ),
    "broken change request": lambda p, _: read_object_file(
        _in_a_file(p, "silver/Tables/x.sql", "-- change: nonsense\nCREATE TABLE silver.x ();\n")
    ),
    "reasons.txt:1 is not '<action> <kind> <name>: <reason>'.": lambda p, _: read_reasons(
        _in_a_file(p, "reasons.txt", "because\n")
    ),
    "no-such-thing is nothing that can be compared.": lambda *_: read_side("no-such-thing", ROOT),
    "squawk did not answer as expected.": lambda *_: squawk._run(ROOT, "/bin/echo", ["a.sql"]),
    "no Node of version 20 or later was found": lambda _, m: (
        m.setattr(embedded, "_version", lambda _: "12.0.0"),
        embedded.find_node({"PATH": ""}),
    ),
    "v2 was not made.": lambda *_: make_fresh(_Fails(), STATEMENT),
    "The steps do not run in a scratch database.": lambda *_: plan._run(_Fails(), STATEMENT),
    "The chain does not run in a scratch database.": lambda *_: scratch._execute(
        _Fails(), STATEMENT
    ),
    "The scratch database could not be made.": lambda _, m: (
        m.setattr(scratch, "create_database", _raise(psycopg2.OperationalError("full"))),
        _scratch(),
    ),
    "A scratch database is needed, and this role may not make one.": lambda _, m: (
        m.setattr(scratch, "create_database", _raise(psycopg2.errors.InsufficientPrivilege("no"))),
        _scratch(),
    ),
}


def _release() -> Any:
    head = repository.steps_to(ROOT)[-1].revision
    return SimpleNamespace(version="1.0", revision=head)


@pytest.mark.parametrize("said", CASES)
def test_what_is_wrong_is_said(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetuError) as caught:
        CASES[said](tmp_path, monkeypatch)
    assert said in caught.value.title


COMMANDS = {
    "There is no kind 'nope'.": [["register", "retire", "nope", "ACME", "M-1"]],
    "There is no format 'nope'": [
        ["drift", "--format", "nope"],
        ["plan", "--format", "nope"],
        ["schema-diff", "--format", "nope"],
    ],
    "Nowhere to write to": [["simulate"]],
    "Two places to write to": [["simulate", "--bronze", "--files", "x"]],
    "--start soon is not an instant.": [["simulate", "--files", "x", "--start", "soon"]],
    "--start 2026-01-01T00:00:00 has no zone.": [
        ["simulate", "--files", "x", "--start", "2026-01-01T00:00:00"]
    ],
}


@pytest.mark.parametrize("said", COMMANDS)
def test_a_command_refuses_what_it_cannot_do(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    for words in COMMANDS[said]:
        result = CliRunner().invoke(app, words)
        assert result.exit_code != 0, words
        assert said in str(result.exception), (words, result.output, result.exception)
    assert not (tmp_path / "x").exists()


UP = Plan("upgrade", "0001", "0503")

#: What pre-flight says of a server.
FINDINGS: dict[str, dict[str, Any]] = {
    "PostgreSQL is too old: 14.9, 15 or later is needed.": {
        "version_number": 140_009,
        "version": "14.9",
    },
    "TimescaleDB is too old: 2.17.2, 2.18 or later is needed.": {"timescaledb": "2.17.2"},
    "Role setu_etl exists already and may not log in; it shall own the load jobs, "
    "which only a role with LOGIN can.": {"roles_without_login": ("setu_etl",)},
    "Role setu_ingest exists already and may not log in.": {
        "roles_without_login": ("setu_ingest",)
    },
    "Not everybody may connect to database d, and deployer may not let SETU's roles in.": {
        "database": "d",
        "role": "deployer",
        "public_may_connect": False,
        "may_grant_connect": False,
    },
    "Default privileges of app would grant v2's objects to others, and functions that register "
    "master data run as their owner.": {
        "owner": "app",
        "default_grants": ("ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE SELECT ON TABLES FROM x",),
    },
    "Not everybody may use schema public, which has the functions of timescaledb, and deployer may "
    "not let setu_etl use it.": {
        "role": "deployer",
        "public_may_use_extension": False,
        "may_grant_extension": False,
    },
    "The extension timescaledb is in schema ext, not in public: v1 as schema/ has it calls "
    "public.time_bucket and others by that name.": {"extension_schema": "ext"},
    "session_replication_role is replica for this role or database, and deployer may not set it: "
    "triggers would not fire.": {"replication_role": "replica", "role": "deployer"},
    "Settings of the server, the database or the role hide rows, or changes of rows. SETU's "
    "sessions and loads have settings of their own; policies and reports do not.": {
        "hiding_settings": ("ALTER DATABASE d SET timescaledb.enable_columnarscan = off",)
    },
    "Functions of your own would be called in place of PostgreSQL's own: the schema of "
    "timescaledb is on the search path.": {"mistakable_functions": ("public.concat(text,text)",)},
    "Role app owns v1's objects and may not log in; policies and the retention job run as the "
    "owner, which only a role with LOGIN can.": {"owner": "app", "owner_may_log_in": False},
    "Only 1 of 100 connections are free; 3 are needed, for jobs and for those who watch.": {
        "used_connections": 96
    },
    "2 prepared transaction(s) older than an hour hold their locks.": {"prepared": ("a", "b")},
    "1 event trigger(s) of your own fire at the steps' DDL.": {
        "event_triggers": ("audit on ddl_command_end, calls own.note",)
    },
    "Role deployer may not SET ROLE to roles that exist already: setu_etl.": {
        "version_number": 170_000,
        "role": "deployer",
        "superuser": False,
        "may_create_roles": True,
        "roles_out_of_reach": ("setu_etl",),
    },
}


@pytest.mark.parametrize("said", FINDINGS)
def test_pre_flight_says_what_it_finds(said: str) -> None:
    found = rules.findings(replace(ServerFacts(), **FINDINGS[said]), UP, Settings())
    assert said in [one.what for one in found]


def test_pre_flight_says_that_an_edition_was_chosen_without_need() -> None:
    [finding] = rules.findings(ServerFacts(), UP, Settings({"edition": "apache"}))
    assert finding.what == (
        "edition=apache is chosen, on a server with the community edition: there will be no jobs "
        "and no column store."
    )


def test_pre_flight_says_that_v1_is_not_in_the_chain_or_cannot_be_checked(tmp_path: Path) -> None:
    [finding] = rules.adoption(Plan("upgrade", None, "0503"), ["master.plants"])
    assert finding.what == (
        "The database has v1's tables, but no revision: it was not made by 0001."
    )
    found: list[Finding] = v1_catalog.drift(None, tmp_path, community=True)  # type: ignore[arg-type]
    assert found[0].what == "v1's catalog was not checked: there is no schema/catalog.json."
