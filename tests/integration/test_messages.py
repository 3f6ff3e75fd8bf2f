"""What SETU says is so: each message is brought about, and held against the database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg2 import sql
from sqlalchemy import make_url
from typer.testing import CliRunner

from setu.cli.main import app, load_commands
from setu.errors import PreflightError, SetuError
from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session", "community")

if not app.registered_commands:
    load_commands(app)


@pytest.fixture(scope="module")
def fresh(server: Server) -> Iterator[Chain]:
    """A database that `setu fresh` made."""
    with chain_on(server) as chain:
        code, said = command(chain, "fresh", "-x", "accept_known_bad_pair=yes")
        assert code == 0, said
        yield chain


@pytest.fixture(scope="module")
def v1(server: Server) -> Iterator[Chain]:
    with chain_on(server) as chain:
        chain.upgrade("0001")
        yield chain


def command(
    chain: Chain, *arguments: str, role: str | None = None, answer: str = ""
) -> tuple[int, str]:
    """Exit code of a command of ``setu`` as a role, and all that it said."""
    url = make_url(chain.url)
    if role is not None:
        url = url.update_query_dict({"options": f"-crole={role}"})
    # libpq takes no + for a blank.
    address = url.render_as_string(hide_password=False).replace("+", "%20")
    environment = {"DATABASE_URL": address, "COLUMNS": "250"}
    result = CliRunner().invoke(app, list(arguments), env=environment, input=answer)
    said = result.output
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, SetuError), result.exception
        said += str(result.exception)
    return result.exit_code, said


def test_fresh_a_second_time_says_that_the_database_stands_at_the_head(fresh: Chain) -> None:
    code, said = command(fresh, "fresh")
    assert code == 1
    assert f"revision {HEAD}" in said
    assert "adopt" not in said


def test_a_downgrade_after_fresh_says_that_there_never_was_a_v1(fresh: Chain) -> None:
    with pytest.raises(PreflightError, match="never was v1") as caught:
        fresh.downgrade("0001")
    assert "archive drop" not in str(caught.value)


def test_archive_drop_asks_nothing_about_rows_that_never_were(fresh: Chain) -> None:
    code, said = command(fresh, "archive", "drop", answer="y\n")
    assert code == 1
    assert "it never was v1" in said
    assert "Drop v1's rows" not in said


def test_archive_drop_asks_nothing_at_v1(v1: Chain) -> None:
    code, said = command(v1, "archive", "drop", answer="y\n")
    assert (code, "at 0001" in said, "Drop v1's rows" in said) == (1, True, False)


def test_verify_on_v1_does_not_send_past_the_check_of_adopt(v1: Chain) -> None:
    code, said = command(v1, "verify")
    assert code == 1
    assert "stamp" not in said


def test_a_kind_that_does_not_exist_cannot_be_left_out(tmp_path: Path, v1: Chain) -> None:
    file = tmp_path / "v1.json"
    code, said = command(v1, "catalog", "snapshot", "--out", str(file))
    assert code == 0, said
    code, said = command(v1, "diff", str(file), str(file), "--ignore", "nope")
    assert code == 1
    assert "no kind of object named 'nope'" in said
    assert command(v1, "diff", str(file), str(file), "--ignore", "job")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (("report",), "_archive"),
        (("adopt",), "GRANT"),
        (("archive", "drop", "--yes"), "GRANT"),
        (("fresh",), "GRANT"),
    ],
)
def test_a_reader_is_told_in_a_line_what_is_missing(
    fresh: Chain, arguments: tuple[str, ...], right: str
) -> None:
    code, said = command(fresh, *arguments, role="setu_reader")
    assert code == 1
    assert len(said.splitlines()) <= 12, said
    assert "Traceback" not in said
    assert right in said or f"at {HEAD}" in said or f"revision {HEAD}" in said, said


def test_a_reader_sees_the_revision_and_the_state_of_the_loads(fresh: Chain) -> None:
    code, said = command(fresh, "status", role="setu_reader")
    assert "Traceback" not in said
    assert code in (0, 1)
    assert "condition" in said


def test_a_stranger_is_told_in_a_line_what_is_missing(fresh: Chain) -> None:
    role = sql.Identifier("stranger_to_setu")
    fresh.run(f"CREATE ROLE {role.string} NOLOGIN")
    try:
        for arguments in (("status",), ("report",), ("verify",), ("drift",)):
            code, said = command(fresh, *arguments, role=role.string)
            assert code != 0, arguments
            assert "GRANT" in said, (arguments, said)
            assert len(said.splitlines()) <= 8, said
    finally:
        fresh.run(f"DROP ROLE {role.string}")


def test_no_upgrade_shows_messages_that_the_server_only_means_for_itself(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="setu.chain.runner")
    with chain_on(server) as chain:
        for revision in ("head", "0001", "head"):
            chain.move(HEAD if revision == "head" else revision)
    shown = [record.getMessage() for record in caplog.records]
    assert any("NOTICE:" in line for line in shown)  # SETU's own
    server_words = ("skipping", "cascades to", "segmenting")
    assert [line for line in shown if any(words in line for words in server_words)] == []
