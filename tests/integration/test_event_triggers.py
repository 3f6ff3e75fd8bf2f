"""Event triggers of somebody's own: one that logs does no harm, one that refuses stops first."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from setu.catalog import differences, render_differences
from setu.errors import PreflightError
from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")
REFUSE = (
    "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
    " RAISE EXCEPTION 'not on this server' USING ERRCODE = 'insufficient_privilege'; END $$"
)
#: What it refuses, and the kind of statement that is named.
REFUSALS = {
    "all DDL": ("ON ddl_command_start", "CREATE SCHEMA: not on this server"),
    "indexes": (
        "ON ddl_command_end WHEN TAG IN ('CREATE INDEX')",
        "CREATE INDEX: not on this server",
    ),
    "moves": (
        "ON ddl_command_start WHEN TAG IN ('ALTER VIEW')",
        "ALTER VIEW: not on this server",
    ),
    "drops": ("ON sql_drop", "not on this server"),
    "grants": ("ON ddl_command_end WHEN TAG IN ('GRANT')", "GRANT: not on this server"),
}


@pytest.fixture(scope="module")
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(REFUSE)
        yield chain


@pytest.mark.parametrize("kind", REFUSALS)
def test_an_event_trigger_that_refuses_what_steps_do_stops_the_run_before_it_begins(
    v1: Chain, kind: str
) -> None:
    when, said = REFUSALS[kind]
    v1.run(f"CREATE EVENT TRIGGER own {when} EXECUTE FUNCTION public.refuse()")
    try:
        before = v1.catalog()
        with pytest.raises(PreflightError) as caught:
            v1.upgrade()
        assert "An event trigger of your own refuses statements" in str(caught.value)
        assert "calls public.refuse" in str(caught.value)
        assert said in str(caught.value)
        assert v1.catalog() == before
        assert v1.revision() == "0001"
    finally:
        v1.run("DROP EVENT TRIGGER own")


def test_one_that_protects_a_schema_is_found_there(v1: Chain) -> None:
    v1.run(
        "CREATE FUNCTION public.protect() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF EXISTS (SELECT FROM pg_event_trigger_dropped_objects() AS d"
        " WHERE d.schema_name = 'alerting') THEN RAISE EXCEPTION 'alerting stays'; END IF; END $$",
        "CREATE EVENT TRIGGER own ON sql_drop EXECUTE FUNCTION public.protect()",
    )
    try:
        with pytest.raises(PreflightError, match="alerting stays"):
            v1.upgrade()
    finally:
        v1.run("DROP EVENT TRIGGER own")


def test_one_that_logs_is_said_and_goes_on_logging_up_and_down(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        chain.run(
            "CREATE TABLE public.ddl (tag text)",
            "CREATE FUNCTION public.log() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER"
            " AS $$ BEGIN INSERT INTO public.ddl VALUES (TG_TAG); END $$",
            "CREATE EVENT TRIGGER own ON ddl_command_end EXECUTE FUNCTION public.log()",
        )
        before = chain.catalog()
        with caplog.at_level(logging.WARNING):
            chain.upgrade()
        assert "1 event trigger(s) of your own fire at the steps' DDL." in caplog.text
        assert chain.revision() == HEAD
        # Nothing is left of the statements that pre-flight tries.
        assert chain.value("SELECT to_regnamespace('setu_event_trigger_probe') IS NULL")
        chain.downgrade("0001")
        assert render_differences(differences(before, chain.catalog())) == ""
        assert chain.value("SELECT count(*) FROM public.ddl") > 100
