"""The command line as a whole: help, examples, exit codes, JSON, colours."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from setu.cli.exit_codes import ALSO, COULD_NOT, MEANING
from setu.cli.main import GROUPS, app, load_commands
from setu.cli.output import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
#: Commands that do something, or print what another program reads as it is.
DO_NOT_REPORT = {
    "catalog freeze-v1", "catalog snapshot", "catch-up", "downgrade", "metrics", "revision",
    "server install", "server run", "server start", "server stop", "upgrade", "worker",
}  # fmt: skip
#: Their documents have schemas of their own.
OWN_SCHEMA = {"diff", "drift", "plan", "schema-diff"}
#: One document for all that changes master data.
SHARED_SCHEMA = {
    f"register {name}": "register"
    for name in (
        "company", "plant", "device", "machine", "shift", "code", "file", "move machine",
        "move code", "retire",
    )
}  # fmt: skip
load_commands(app)
MAIN = typer.main.get_command(app)


def _all(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if hasattr(command, "commands"):
        for part, below in command.commands.items():
            yield from _all(below, f"{name} {part}".strip())
    else:
        yield name, command


COMMANDS = dict(_all(MAIN))


def _names(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_says_what_it_does_with_an_example_that_is_one_of_itself(name: str) -> None:
    said = COMMANDS[name].help or ""
    [example] = re.findall(r"Example: (setu .+)", said)
    assert example.startswith(f"setu {name}")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_is_found_under_h_and_fits_80_columns_without_colours_in_a_pipe(name: str) -> None:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*name.split(), "-h"])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert "\x1b" not in result.output


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - DO_NOT_REPORT))
def test_a_command_that_reports_has_json_whose_schema_is_in_one_place(name: str) -> None:
    assert "--json" in _names(COMMANDS[name])
    if name not in OWN_SCHEMA:
        schemas = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
        schema = schemas[SHARED_SCHEMA.get(name, name)]
        Draft202012Validator.check_schema(schema)
        assert schema["required"][:2] == ["format", "command"]


def test_the_schema_describes_no_command_that_there_is_not() -> None:
    schemas = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    assert set(schemas) <= {*COMMANDS, *SHARED_SCHEMA.values()}


def test_each_command_stands_in_one_group_of_the_help() -> None:
    listed = [name for names in GROUPS.values() for name in names]
    assert len(listed) == len(set(listed))
    assert {name.split()[0] for name in COMMANDS} <= set(listed)
    output = CliRunner(env={"COLUMNS": "160"}).invoke(app, ["--help"]).output
    assert [line for line in output.splitlines() if "─ Deploy ─" in line]


def test_the_page_has_the_table_of_exit_codes_as_it_is() -> None:
    table = dict(re.findall(r"^\| (\d) \| [a-z ]+ \| (.+) \|$", PAGE, re.M))
    assert {int(code): meaning for code, meaning in table.items()} == MEANING
    rows = re.findall(r"^\| (`[a-z ,`-]+) \| (\d) \|$", PAGE, re.M)
    said = {name: (int(code),) for names, code in rows for name in re.findall(r"`([^`]+)`", names)}
    assert said == ALSO


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_names_no_exit_code_that_the_table_has_not(name: str) -> None:
    said = re.findall(r"(?:[Ee]xit code |\. )(\d)[: ]", COMMANDS[name].help or "")
    assert {int(code) for code in said} <= {0, 1, *ALSO.get(name, ())}
    if name in ALSO:
        assert set(ALSO[name]) <= {int(code) for code in said}


@pytest.mark.parametrize("command", sorted(ALSO))
def test_the_table_names_commands_that_there_are(command: str) -> None:
    assert command in COMMANDS


def test_no_module_of_the_command_line_has_an_exit_code_of_its_own() -> None:
    for path in (ROOT / "setu/cli").rglob("*.py"):
        assert not re.findall(r"Exit\(\d", path.read_text(encoding="utf-8")), path.name


def test_the_version_is_said() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert re.fullmatch(r"setu \d+\.\d+\.\d+\n", result.output)


def test_a_shell_can_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner(
        env={"_SETU_COMPLETE": "complete_bash", "COMP_WORDS": "setu rej", "COMP_CWORD": "1"}
    ).invoke(app, [], prog_name="setu")
    assert "rejects" in result.output


def test_no_color_is_heeded_where_a_screen_would_have_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for value, coloured in (("", True), ("1", False)):
        result = CliRunner(env={"NO_COLOR": value}).invoke(_coloured(), ["say"], color=True)
        assert ("\x1b" in result.output) is coloured


def _coloured() -> typer.Typer:
    from setu.cli.main import _root

    small = typer.Typer()
    small.callback()(_root)

    @small.command()
    def say() -> None:
        typer.secho("well", fg="green")

    return small


@pytest.mark.parametrize(
    "words", ["setu --version", "setu history", "setu --help", "alembic upgrade 0401:0402 --sql"]
)
def test_a_full_disk_behind_the_output_is_one_message(words: str) -> None:
    program, *arguments = words.split()
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [Path(sys.executable).parent / program, *arguments],
            cwd=ROOT,
            # Alembic itself passes over what cannot be written; Python says so in the end.
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == COULD_NOT
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize(
    "words", ["history", "--version", "--help", "schema-diff", "schema-diff --format json"]
)
def test_a_closed_output_is_not_an_error(words: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"'{Path(sys.executable).parent / 'setu'}' {words} >&-"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "why"), [("", "Is a directory"), ("x" * 300, "File name too long")]
)
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, path: str, why: str) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "setu", "diff", "schema_new", "schema_new",
         "--out", tmp_path / path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == COULD_NOT
    assert done.stderr.startswith(f"{tmp_path / path} cannot be read or written: {why}.")
