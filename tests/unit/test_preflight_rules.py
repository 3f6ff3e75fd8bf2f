"""Each rule of the pre-flight, with the violation planted in the facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from setu.chain.repository import repository_root
from setu.chain.settings import Settings
from setu.errors import StepError
from setu.preflight import Finding, Plan, ServerFacts
from setu.preflight.data_checks import load_checks
from setu.preflight.findings import refusal
from setu.preflight.rules import adoption, findings, is_known_bad_pair, version_tuple
from tests.mini_repository import MiniRepository

GOOD = ServerFacts()
WHOLE_CHAIN = Plan("upgrade", "0001", "0503")
PHASE_1 = Plan("upgrade", "0001", "0109")
DOWN = Plan("downgrade", "0503", "0001")


def found(
    plan: Plan = WHOLE_CHAIN, settings: dict[str, str] | None = None, **facts: Any
) -> list[Finding]:
    return findings(replace(GOOD, **facts), plan, Settings(settings or {}))


def test_nothing_stands_against_a_good_server() -> None:
    assert found() == []
    assert found(DOWN) == []


@pytest.mark.parametrize(
    ("facts", "what", "next_step"),
    [
        ({"version_number": 140_018, "version": "14.18"}, "14.18, 15 or later", "Upgrade"),
        ({"in_recovery": True}, "standby", "primary"),
        ({"read_only": True}, "default_transaction_read_only", "ALTER DATABASE setu"),
        (
            {"timescaledb": None, "license": None},
            "extension timescaledb is missing in database setu",
            "CREATE EXTENSION timescaledb",
        ),
        (
            {"timescaledb": None, "license": None, "loader": False},
            "extension timescaledb is missing",
            "shared_preload_libraries",
        ),
        (
            {
                "timescaledb": None,
                "license": None,
                "loader": False,
                "timescaledb_available": None,
            },
            "not installed",
            "shared_preload_libraries",
        ),
        ({"timescaledb": "2.17.2"}, "2.17.2, 2.18 or later", "ALTER EXTENSION timescaledb UPDATE"),
        ({"loader": False, "license": None}, "not loaded", "shared_preload_libraries"),
        ({"license": "apache"}, "Apache edition", "-x edition=apache"),
        (
            {"superuser": False, "may_create_in_database": False, "owner": "deploy"},
            "may not create schemas",
            "GRANT CREATE ON DATABASE setu TO deploy",
        ),
        (
            {"superuser": False, "may_create_roles": False, "role": "deploy"},
            "may not create roles",
            "ALTER ROLE deploy CREATEROLE",
        ),
        (
            {"superuser": False, "roles_out_of_reach": ("setu_etl",), "role": "deploy"},
            "SET ROLE to roles that exist already: setu_etl",
            "GRANT setu_etl TO deploy",
        ),
        (
            {"superuser": False, "foreign_objects": ("master.shifts (owner app)",)},
            "does not own 1 of v1's objects",
            "Run as their owner",
        ),
        ({"used_connections": 96}, "Only 1 of 100 connections", "max_connections"),
        ({"job_workers": 1}, "no background worker", "Raise them"),
        (
            {"version_number": 150_020, "version": "15.20", "timescaledb": "2.28.3"},
            "known-bad pair",
            "-x accept_known_bad_pair=yes",
        ),
        ({"prepared": ("gid1, prepared then by app",)}, "1 prepared", "ROLLBACK PREPARED"),
    ],
)
def test_violation_stops_the_run_and_says_what_to_do(
    facts: dict[str, Any], what: str, next_step: str
) -> None:
    finding = found(**facts)[0]
    assert finding.stops
    assert what in finding.what
    assert next_step in finding.next_step


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"scheduler": False}, "No TimescaleDB scheduler"),
        ({"jobs": 40}, "Background workers are scarce: 51 jobs"),
        ({"worker_processes": 8}, "Background workers are scarce"),
        ({"long_transactions": ("pid 7: app, psql, for 01:00:00",)}, "may keep the run"),
    ],
)
def test_lesser_trouble_warns_only(facts: dict[str, Any], what: str) -> None:
    finding = found(**facts)[0]
    assert not finding.stops
    assert what in finding.what


def test_apache_edition_may_be_chosen() -> None:
    assert found(settings={"edition": "apache"}, license="apache") == []


def test_apache_choice_on_a_community_server_is_mentioned() -> None:
    (finding,) = found(settings={"edition": "apache"})
    assert not finding.stops


def test_rights_of_a_superuser_are_not_questioned() -> None:
    assert found(may_create_roles=False, roles_out_of_reach=("y",)) == []


def test_creating_roles_is_needed_only_where_the_plan_has_phase_3() -> None:
    assert found(PHASE_1, superuser=False, may_create_roles=False) == []


def test_role_that_may_create_roles_reaches_all_of_them_before_postgres_16() -> None:
    facts: dict[str, Any] = {"superuser": False, "roles_out_of_reach": ("setu_etl",)}
    assert found(version_number=150_004, version="15.4", **facts) == []


def test_connections_are_not_counted_where_there_is_one_session_or_they_cannot_be_seen() -> None:
    assert found(PHASE_1, one_session=True, max_connections=1) == []
    assert found(PHASE_1, sees_sessions=False, used_connections=100) == []


def test_known_bad_pair_does_not_matter_without_jobs() -> None:
    bad: dict[str, Any] = {"version_number": 150_020, "version": "15.20", "timescaledb": "2.28.3"}
    assert found(PHASE_1, **bad) == []
    assert found(DOWN, **bad) == []
    assert found(Plan("upgrade", "0404", "0503"), **bad) == []


def test_accepted_known_bad_pair_is_mentioned_and_does_not_stop() -> None:
    finding, *_ = found(
        settings={"accept_known_bad_pair": "yes"},
        version_number=150_020,
        timescaledb="2.28.3",
    )
    assert not finding.stops


@pytest.mark.parametrize(
    ("postgres", "timescaledb", "bad"),
    [
        (150_020, "2.28.3", True),
        (150_020, "2.28.4", True),
        (150_020, "2.28.5", False),
        (150_020, "2.27.2", True),
        (150_020, "2.27.3", False),
        (150_020, "2.26.9", True),
        (150_020, "2.29.0", True),
        (150_020, "2.31.1", True),
        (150_020, "2.31.2", False),
        (150_020, "2.32.0", False),
        (150_019, "2.28.3", False),
        (160_016, "2.28.3", True),
        (170_011, "2.19.3", False),
        (170_012, "2.19.3", True),
        (180_007, "2.28.3", True),
        (170_005, "2.23.0-dev", False),
    ],
)
def test_known_bad_pairs(postgres: int, timescaledb: str, bad: bool) -> None:
    assert is_known_bad_pair(postgres, timescaledb) is bad


def test_version_of_a_development_build_is_read() -> None:
    assert version_tuple("2.23.0-dev") == (2, 23, 0)
    assert version_tuple("2.18") == (2, 18, 0)


def test_v1_without_a_revision_is_sent_to_adopt() -> None:
    plan = Plan("upgrade", None, "0503")
    (finding,) = adoption(plan, ["master.companies"])
    assert finding.stops
    assert "setu adopt" in finding.next_step
    assert adoption(plan, []) == []
    assert adoption(WHOLE_CHAIN, ["master.companies"]) == []


def test_refusal_names_all_findings_at_once() -> None:
    error = refusal(found(in_recovery=True, license="apache"))
    assert "2 things" in error.title
    assert "Nothing has been changed" in error.title
    assert "1. This server is a standby" in error.message
    assert "2. TimescaleDB runs as its Apache edition" in error.message


def test_repository_has_well_formed_data_checks() -> None:
    checks = {check.name: check for check in load_checks(repository_root())}
    assert {"shifts_without_start", "overlapping_shifts"} <= checks.keys()
    overlap = checks["overlapping_shifts"]
    assert overlap.stops
    assert overlap.applies(WHOLE_CHAIN)
    assert not overlap.applies(DOWN)
    assert not overlap.applies(Plan("upgrade", "0109", "0503"))
    assert not overlap.applies(Plan("upgrade", None, "0503"))


def test_data_check_without_header_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "preflight"
    folder.mkdir(parents=True)
    (folder / "bad.sql").write_text("-- title: something\nSELECT 1", encoding="utf-8")
    with pytest.raises(StepError, match=r"bad\.sql has no complete header"):
        load_checks(tmp_path)


def test_data_check_may_warn_and_hold_for_a_range(tmp_path: Path) -> None:
    folder = tmp_path / "sql" / "preflight"
    folder.mkdir(parents=True)
    (folder / "soft.sql").write_text(
        "-- title: t\n-- hint: h\n-- from: 0001..0106\n-- level: warn\nSELECT 1", encoding="utf-8"
    )
    (check,) = load_checks(tmp_path)
    assert not check.stops
    assert check.applies(Plan("upgrade", "0106", "0107"))
    assert not check.applies(Plan("upgrade", "0107", "0109"))


def test_the_order_of_revisions_is_that_of_the_chain_and_not_of_their_names(tmp_path: Path) -> None:
    repository = MiniRepository(tmp_path)
    for stem in ("0001_v1", "0009_first", "0005_second"):
        repository.add(stem)
    plan = Plan("upgrade", "0009", "0005", repository.root)
    assert plan.applies("0005")
    assert not plan.applies("0009")
    assert Plan("downgrade", "0005", "0001", repository.root).passes("0009")


def test_a_version_that_loses_rows_stops_the_run() -> None:
    [loses, *_] = found(timescaledb="2.18.0")
    assert loses.stops
    assert "#7673" in loses.where[0]


def test_faults_of_a_version_are_said_and_do_not_stop_the_run() -> None:
    [said] = found(timescaledb="2.26.3")
    assert not said.stops
    assert [text.partition("(#")[2].partition(",")[0] for text in said.where] == [
        "9767",
        "9360",
        "9929",
        "10423",
        "10221",
        "9902",
        "9921",
    ]
    assert found(timescaledb="2.29.2") == []


def test_the_extension_in_another_schema_is_named() -> None:
    [finding] = found(extension_schema="ext")
    assert "in schema ext, not in public" in finding.what


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("LATIN1", "a character that LATIN1 does not have"), ("SQL_ASCII", "takes any bytes")],
)
def test_a_database_that_is_not_utf8_is_named_and_does_not_stop(encoding: str, said: str) -> None:
    [finding] = found(encoding=encoding)
    assert not finding.stops
    assert finding.what == f"Database setu is encoded in {encoding}, not in UTF8."
    assert said in "\n".join(finding.lines())
    assert found(DOWN, encoding=encoding) == []
