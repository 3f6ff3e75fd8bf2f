"""What commands print: JSON as its schema says, and text that a pipe can read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from jsonschema import Draft202012Validator
from typer import Typer
from typer.testing import CliRunner, Result

from setu.cli.main import load_commands
from setu.cli.output import SCHEMA
from tests.servers.at_hand import Server
from tests.v1 import ROOT
from tests.v2 import Plant, plant_on

SCHEMAS = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
OWN = {"drift": ROOT / "setu/review/drift.schema.json"}
#: Command, and the codes that it may end with here.
REPORTS: dict[str, tuple[int, ...]] = {
    "status": (0, 4),
    "report": (0,),
    # The jobs are paused here, which is a difference.
    "verify": (0, 2),
    "drift": (0, 2),
    "current": (0,),
    "history": (0,),
    "chunk-interval --ram 32GB --rate 1000": (0,),
    "register list": (0,),
    "register retire machine C M-2 --dry-run": (0,),
    "rejects list": (0,),
    "rejects list machine_focas": (0,),
    "rejects show ID": (0,),
    "rejects resend machine_focas --dry-run": (0,),
    "rejects discard machine_focas --dry-run": (0,),
    "rejects codes": (0,),
}
TABLES = ("status", "report", "register list", "rejects list", "rejects list machine_focas")


@pytest.fixture(scope="module")
def plant(server: Server) -> Iterator[Plant]:
    """With a rejected row and a code that nobody knows."""
    with plant_on(server, scheduler=True) as plant:
        plant.chain.run(
            "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id, event_time)"
            " VALUES ('D-1', 404, now())",
            "INSERT INTO bronze.raw_machine_downtime"
            " (device_id, machine_iot_id, down_start, down_code, down_id)"
            " VALUES ('D-1', 1, now(), 'COOLANT', 91)",
            "CALL _etl.sp_load_machine_focas(NULL, '{}')",
            "CALL _etl.sp_load_machine_downtime(NULL, '{}')",
        )
        yield plant


def setu(plant: Plant, command: str, *options: str) -> Result:
    reject = str(plant.chain.value("SELECT max(reject_id) FROM _etl.rejected_rows"))
    app = Typer()
    load_commands(app)
    arguments = [reject if word == "ID" else word for word in command.split()]
    given = {"DATABASE_URL": plant.chain.url, "COLUMNS": "80"}
    return CliRunner(env=given).invoke(app, [*arguments, *options])


@pytest.mark.parametrize("command", REPORTS)
def test_json_is_as_its_schema_says(plant: Plant, command: str) -> None:
    result = setu(plant, command, "--json")
    assert result.exit_code in REPORTS[command], result.output
    document = json.loads(result.stdout)
    name = next(name for name in sorted((*SCHEMAS, *OWN), reverse=True) if command.startswith(name))
    schema = json.loads(OWN[name].read_text("utf-8")) if name in OWN else SCHEMAS[name]
    Draft202012Validator(schema).validate(document)
    assert document["format"] == 1


@pytest.mark.parametrize("command", TABLES)
def test_tables_fit_80_columns_and_split_no_name(plant: Plant, command: str) -> None:
    shown = setu(plant, command, *(("--all",) if command == "status" else ()))
    # What stands above is reasons and commands, a line each, to be copied whole.
    tables = shown.stdout[shown.stdout.index("\nConditions\n") :] if command == "status" else ""
    assert max(map(len, (tables or shown.stdout).splitlines())) <= 80
    assert not set("│┃┏└─━…") & set(shown.stdout)
    assert "\x1b" not in shown.stdout


def test_a_name_is_found_by_grep_in_a_report(plant: Plant) -> None:
    lines = setu(plant, "report").stdout.splitlines()
    [found] = [line for line in lines if line.split()[:1] == ["master.companies"]]
    assert found.split()[1:] == ["0", "0", "0", "0"]


def test_a_failure_prints_no_document(plant: Plant) -> None:
    result = setu(plant, "rejects show 999999", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
