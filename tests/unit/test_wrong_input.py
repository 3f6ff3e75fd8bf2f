"""What people type and files have: wrong values are refused in a line, by their name."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from setu.cli.exit_codes import COULD_NOT, DIFFERS
from setu.cli.main import load_commands
from setu.errors import SetuError
from setu.ops.register import RegistrationError, entries_of_file
from setu.simulate import writing
from setu.simulate.delivery import Fleet, messages


def setu(*arguments: str) -> Result:
    app = typer.Typer()
    load_commands(app)
    # No server answers there: what is wrong is said before one is asked.
    given = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "COLUMNS": "200"}
    return CliRunner(env=given).invoke(app, arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("rejects", "show", str(1 << 63)),
        ("rejects", "list", "--machine", str(1 << 63)),
        ("rejects", "resend", "--id", str(1 << 63)),
        ("simulate", "--files", "x", "--hours", "inf"),
        ("simulate", "--files", "x", "--hours", "nan"),
        ("simulate", "--files", "x", "--machines", "10001"),
        ("status", "--run-age", "nan"),
        ("status", "--lag", "inf"),
        ("status", "--error-rate", "2"),
        ("status", "--watch", "0"),
    ],
    ids=" ".join,
)
def test_a_number_out_of_its_range_is_no_command_line(arguments: tuple[str, ...]) -> None:
    result = setu(*arguments)
    assert result.exit_code == DIFFERS, result.output
    assert "Invalid value for" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--start", "9999-12-31T23:59:00Z"), "is too near an end of the calendar."),
        (("--start", "0001-01-01T00:00:00+05:30"), "is too near an end of the calendar."),
        (("--start", "now"), "is not an instant."),
        (("--start", "2026-01-05"), "has no zone."),
    ],
)
def test_an_instant_that_is_none_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    result = setu("simulate", "--files", str(tmp_path), *arguments)
    assert result.exit_code == COULD_NOT
    assert isinstance(result.exception, SetuError)
    assert said in str(result.exception)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    result = setu("simulate", "--files", str(taken))
    assert isinstance(result.exception, SetuError)
    assert f"{taken} cannot be written to." in str(result.exception)


@pytest.mark.parametrize("rate", ["nan", "inf", "0", "-5"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    result = setu("chunk-interval", "--ram", "32GB", "--rate", rate, "--row-bytes", "100")
    assert isinstance(result.exception, SetuError)
    assert "Rate and row size must be above 0, and finite." in str(result.exception)


@pytest.mark.parametrize("option", ["--interval", "--slice"])
@pytest.mark.parametrize("seconds", ["inf", "1e20", "86401"])
def test_a_time_under_which_a_worker_would_not_work_is_refused(option: str, seconds: str) -> None:
    result = setu("worker", option, seconds)
    assert isinstance(result.exception, SetuError), result.output
    assert "it must be above 0, a day at most." in str(result.exception)


@pytest.mark.parametrize("character", [r"\0", r"\ud800", r"a\udfffb"])
def test_a_character_that_no_database_holds_is_named_with_its_place(
    character: str, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(f'company:\n  - {{company: A, name: "{character}"}}\n')
    with pytest.raises(RegistrationError, match="company 1: name has a character that no text"):
        entries_of_file(file, None)


@pytest.mark.parametrize("value", ["[a, b]", "{a: b}"])
def test_a_field_with_more_than_one_value_is_named_with_its_place(
    value: str, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(f"company:\n  - {{company: A, name: {value}}}\n")
    with pytest.raises(RegistrationError, match="company 1: name has more than one value"):
        entries_of_file(file, None)


def test_a_fleet_of_many_gateways_needs_few_open_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    fleet = Fleet(machines=60, start=begin, end=begin + timedelta(minutes=1))
    whole = writing.write_files(messages(fleet), tmp_path / "whole")
    connect, is_open, most = sqlite3.connect, [0], [0]

    class Counted(sqlite3.Connection):
        def close(self) -> None:
            is_open[0] -= 1
            super().close()

    def counted(path: Any, **more: Any) -> sqlite3.Connection:
        is_open[0] += 1
        most[0] = max(most[0], is_open[0])
        return connect(path, factory=Counted, **more)

    monkeypatch.setattr("sqlite3.connect", counted)
    monkeypatch.setattr(writing, "ROWS_IN_MEMORY", 50)
    parts = writing.write_files(messages(fleet), tmp_path / "parts")
    # One, and those that say what columns a table has.
    assert most[0] <= 3
    assert {p.name: rows for p, rows in parts.items()} == {p.name: r for p, r in whole.items()}
    for path in whole:
        assert _dump(path) == _dump(tmp_path / "parts" / path.name)


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        return list(file.iterdump())
