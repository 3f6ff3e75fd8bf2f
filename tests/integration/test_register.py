"""``setu register``: master data by commands that check it, as setu_admin."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer import Typer
from typer.testing import CliRunner

from setu.cli.main import load_commands
from setu.errors import SetuError
from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server
from tests.v2 import Plant, plant_on

SEND = "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id, event_time, part_count)"
LOAD = "CALL _etl.sp_load_machine_focas(NULL, '{}')"
LOADED = "SELECT machine_iot_id, part_count FROM silver.machine_focas ORDER BY 1, 2"
MASTERS = (
    "companies", "plants", "device_info", "machine_info", "plant_machine_mapping",
    "shift_definitions", "downtime_codes", "downtime_code_mapping",
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


@pytest.fixture
def plant(shared: Plant) -> Plant:
    """Company C with plant P and machines M-1 and M-2; company B with plant Q; nothing loaded."""
    chain = shared.chain
    chain.run(
        "TRUNCATE _etl.rejected_rows, _etl.unknown_codes, silver.machine_focas,"
        " silver.machine_downtime",
        "DELETE FROM master.plant_machine_mapping WHERE machine_iot_id > 2",
        "DELETE FROM master.machine_info WHERE iot_id > 2",
        "UPDATE master.machine_info AS m SET device_iot_id = d.device_iot_id"
        " FROM master.device_info AS d"
        " WHERE d.device_id = replace(m.machine_id, 'M', 'D')",
        "DELETE FROM master.device_info WHERE device_id NOT IN ('D-1', 'D-2')",
        "DELETE FROM master.downtime_codes",
        "DELETE FROM master.shift_definitions AS s USING master.plants AS p"
        " WHERE p.iot_id = s.plant_iot_id AND (p.plant_id <> 'P' OR s.shift_id > 2)",
        "UPDATE master.plants SET effective_to_date = NULL",
        "DELETE FROM master.plants WHERE plant_id NOT IN ('P', 'Q')",
        "DELETE FROM master.companies WHERE company_id NOT IN ('C', 'B')",
    )
    said(chain, "company", "B")
    said(chain, "plant", "B", "Q")
    return shared


def setu(
    chain: Chain, *arguments: str, role: str = "setu_admin", group: str = "register"
) -> tuple[int, str]:
    """Exit code, and what was printed or what stopped it."""
    app = Typer()
    load_commands(app)
    url = make_url(chain.url)
    if role:
        url = url.update_query_dict({"options": f"-crole={role}"})
    given = {"DATABASE_URL": url.render_as_string(hide_password=False)}
    result = CliRunner(env=given).invoke(app, [group, *arguments])
    error = result.exception
    return result.exit_code, error.message if isinstance(error, SetuError) else result.output


def said(chain: Chain, *arguments: str, **options: str) -> str:
    code, output = setu(chain, *arguments, **options)
    assert code == 0, output
    return output


def masters(chain: Chain) -> list[object]:
    """All rows of the tables that a registration writes."""
    return [
        chain.query(f"SELECT to_jsonb(t)::text FROM master.{table} AS t ORDER BY 1")
        for table in MASTERS
    ]


def test_a_machine_does_not_get_into_another_companys_plant(plant: Plant) -> None:
    said(plant.chain, "device", "D-3")
    before = masters(plant.chain)
    code, message = setu(plant.chain, "machine", "C", "M-3", "--plant", "Q", "--device", "D-3")
    assert code == 1
    assert message.splitlines()[0] == "plant Q is not of company C"
    assert "setu register list plant --company C" in message
    code, message = setu(plant.chain, "move", "machine", "C", "M-1", "--plant", "Q")
    assert (code, message.splitlines()[0]) == (1, "plant Q is not of company C")
    code, message = setu(plant.chain, "shift", "C", "Q", "1", "--start", "06:00", "--end", "14:00")
    assert (code, message.splitlines()[0]) == (1, "plant Q is not of company C")
    assert masters(plant.chain) == before


def follow(plant: Plant, arguments: Sequence[str], most: int = 5) -> None:
    """Run a command; where it is refused, what its hint says, as a shell reads it, and again."""
    code, message = setu(plant.chain, *arguments)
    if code == 0:
        return
    assert most > 0, message
    *_, hint = message.splitlines()
    hinted = shlex.split(hint.removeprefix("What to do: Run: setu register "))
    follow(plant, hinted, most - 1)
    if hinted[0] != "move":
        follow(plant, arguments, most - 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ("machine", "A's; Co", "M $1", "--plant", "P & Q", "--device", "D <3>"),
        ("machine", "C", "M-1", "--plant", "P", "--device", "D 3"),
        ("machine", "C", "M 9", "--plant", "P", "--device", "D-1"),
        ("move", "code", "A's; Co", "91", "no coolant"),
    ],
)
def test_a_hint_can_be_copied_into_a_shell_whatever_the_names(
    plant: Plant, arguments: tuple[str, ...]
) -> None:
    follow(plant, arguments)


def test_an_argument_that_is_not_utf_8_is_one_message(plant: Plant) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "setu", "register", "company", b"gr\xf6sse"],
        env={**os.environ, "DATABASE_URL": plant.chain.url},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "gr\\udcf6sse is not UTF-8.", "What to do: Give the argument in UTF-8",
    ]  # fmt: skip


def test_a_hint_names_the_gateway_that_is_given_and_none_that_stands_in(plant: Plant) -> None:
    said(plant.chain, "retire", "machine", "C", "M-1")
    given = ("machine", "C", "M-1", "--plant", "P", "--device", "D-1", "--number", "7")
    assert setu(plant.chain, *given)[1].endswith("Let gateway D-1 send the number 1")


def test_what_the_gateway_needs_is_printed_and_is_what_loads(plant: Plant) -> None:
    said(plant.chain, "device", "D-3")
    output = said(
        plant.chain, "machine", "C", "M-3", "--plant", "P", "--device", "D-3", "--source-id", "7",
        "--json",
    )  # fmt: skip
    [needs] = json.loads(output)["gateways_need"]
    assert (needs["device_id"], needs["source_iot_id"]) == ("D-3", "7")
    number = needs["machine_iot_id"]
    text = said(plant.chain, "machine", "C", "M-3", "--plant", "P", "--device", "D-3")
    assert f"  D-3        {number:>14}  7" in text.splitlines()
    assert "unchanged" in text
    plant.chain.run(f"{SEND} VALUES ('D-3', {number}, now(), 5)", LOAD)
    assert plant.chain.query(LOADED) == [(number, 5)]


def test_rows_of_an_unknown_machine_load_once_it_is_registered_as_the_advice_says(
    plant: Plant,
) -> None:
    chain = plant.chain
    number = 1 + int(chain.value("SELECT last_value FROM master.machine_info_iot_id_seq")) + 40
    chain.run(f"{SEND} VALUES ('D 9', {number}, now(), 3)", LOAD)
    reject = str(chain.value("SELECT reject_id FROM _etl.rejected_rows"))
    shown = said(chain, "show", reject, "--json", role="setu_admin", group="rejects")
    device, machine, again = json.loads(shown)["advice"]
    assert device == "setu register device 'D 9'"
    assert machine == (
        f"setu register machine COMPANY MACHINE --plant PLANT --device 'D 9' --number {number}"
    )
    assert again == "setu rejects resend machine_focas --reason unknown_machine"
    said(chain, "device", "D 9")
    said(chain, "machine", "C", "M-9", "--plant", "P", "--device", "D 9", "--number", str(number))
    said(chain, *again.split()[2:], group="rejects")
    chain.run(LOAD)
    assert chain.query(LOADED) == [(number, 3)]
    # The next one that is drawn lies behind it.
    said(chain, "device", "D-10")
    said(chain, "machine", "C", "M-10", "--plant", "P", "--device", "D-10")
    last = "SELECT iot_id FROM master.machine_info WHERE machine_id = 'M-10'"
    assert chain.value(last) == number + 1


def test_a_number_that_is_taken_or_far_away_is_not_given(plant: Plant) -> None:
    said(plant.chain, "device", "D-3")
    new = ("machine", "C", "M-3", "--plant", "P", "--device", "D-3", "--number")
    for number, why in (("1", "machine C/M-1 has it"), ("2000000000", "far from the last")):
        code, message = setu(plant.chain, *new, number)
        assert code == 1
        assert why in message
        assert "Leave the number out" in message


def test_the_advice_for_a_strangers_row_is_a_command_that_helps(plant: Plant) -> None:
    chain = plant.chain
    chain.run(f"{SEND} VALUES ('D-7', 1, now(), 4)", LOAD)
    reject = str(chain.value("SELECT reject_id FROM _etl.rejected_rows"))
    shown = said(chain, "show", reject, "--json", group="rejects")
    _, device, move, again = json.loads(shown)["advice"]
    assert move == "setu register move machine C M-1 --device D-7"
    for command in (device, move):
        said(chain, *command.split()[2:])
    said(chain, *again.split()[2:], group="rejects")
    chain.run(LOAD)
    assert chain.query(LOADED) == [(1, 4)]


def test_the_advice_for_an_unknown_code_is_a_command_after_which_it_is_read(plant: Plant) -> None:
    chain = plant.chain
    row = (
        "INSERT INTO bronze.raw_machine_downtime"
        " (device_id, machine_iot_id, down_start, down_code, down_id) VALUES"
    )
    load = "CALL _etl.sp_load_machine_downtime(NULL, '{}')"
    chain.run(f"{row} ('D-1', 1, now(), 'COOLANT', 91)", load)
    [code] = json.loads(said(chain, "codes", "--json", group="rejects"))["codes"]
    assert code["command"] == "setu register code COOLANT --company C --number 91"
    assert "number 91, code COOLANT: unknown code and number" in said(
        chain, "codes", group="rejects"
    )
    said(chain, *code["command"].split()[2:])
    # What was loaded before is still listed for programs, and asks nobody to do it again.
    assert said(chain, "codes", group="rejects") == (
        "every code is known now\ncodes of the last 30 days that are known now: 1 (see --json)\n"
    )
    [code] = json.loads(said(chain, "codes", "--json", group="rejects"))["codes"]
    assert (code["stops"], code["is_known_now"]) == (1, True)
    chain.run(f"{row} ('D-1', 1, now(), NULL, 91)", load)
    assert chain.query(
        "SELECT d.down_code FROM silver.machine_downtime AS s"
        " LEFT JOIN master.downtime_codes AS d USING (down_id) ORDER BY s.down_start"
    ) == [(None,), ("COOLANT",)]
    # A number that means another code is moved on purpose only.
    code_, message = setu(chain, "code", "TOOL", "--company", "C", "--number", "91")
    assert (code_, "setu register move code C 91 TOOL" in message) == (1, True)
    said(chain, "code", "TOOL")
    assert "moved" in said(chain, "move", "code", "C", "91", "TOOL")
    # The text that came says COOLANT, and the number means TOOL now.
    assert "number 91, code COOLANT" in said(chain, "codes", group="rejects")


def test_a_code_is_counted_by_rows_and_its_number_written_as_it_was_sent(plant: Plant) -> None:
    chain = plant.chain
    row = (
        "INSERT INTO bronze.raw_machine_downtime"
        " (device_id, machine_iot_id, down_start, down_end, down_id) VALUES"
    )
    at = "'2024-03-05 08:00+00'::timestamptz"
    chain.run(
        f"{row} ('D-1', 1, {at}, NULL, 4711), ('D-1', 1, {at}, {at} + interval '1 h', 4711)",
        "CALL _etl.sp_load_machine_downtime(NULL, '{}')",
    )
    assert chain.value("SELECT count(*) FROM silver.machine_downtime") == 1
    assert "C: number 4711, code –: unknown number; loaded as –, 2 rows" in said(
        chain, "codes", group="rejects"
    )


@pytest.mark.parametrize("start", ["25:00", "6 o'clock", "06:00:00:00"])
def test_a_time_that_is_none_is_refused_with_how_to_write_one(plant: Plant, start: str) -> None:
    arguments = ["register", "shift", "C", "P", "9", "--start", start, "--end", "14:00"]
    url = make_url(plant.chain.url).render_as_string(hide_password=False)
    app = Typer()
    load_commands(app)
    error = CliRunner(env={"DATABASE_URL": url}).invoke(app, arguments).exception
    assert isinstance(error, SetuError)
    assert start in error.message
    assert error.hint == "Write a time as 06:00, a date as 2026-01-05, a number in digits"


@pytest.mark.parametrize(
    "given",
    [
        ("0", "--start", "06:00", "--end", "14:00"),
        ("9", "--start", "06:00", "--end", "14:00", "--from-day", "7"),
        ("9", "--start", "14:00", "--end", "06:00", "--to-day", "0"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_with_what_can(
    plant: Plant, given: tuple[str, ...]
) -> None:
    code, message = setu(plant.chain, "shift", "C", "P", *given)
    assert code == 1
    assert "What to do: Number shifts from 1, and let each end after it begins" in message


def test_a_retired_machine_takes_no_rows_frees_its_gateway_and_comes_back(plant: Plant) -> None:
    chain = plant.chain
    said(chain, "retire", "machine", "C", "M-1")
    chain.run(f"{SEND} VALUES ('D-1', 1, now(), 4)", LOAD)
    assert chain.query("SELECT reason_code FROM _etl.rejected_rows") == [("sender_mismatch",)]
    said(chain, "machine", "C", "M-3", "--plant", "P", "--device", "D-1")
    said(chain, "retire", "machine", "C", "M-3")
    said(chain, "move", "machine", "C", "M-1", "--device", "D-1")
    said(chain, "resend", "machine_focas", "--reason", "sender_mismatch", group="rejects")
    chain.run(LOAD)
    assert chain.query(LOADED) == [(1, 4)]
    states = json.loads(said(chain, "list", "machine", "--json"))["registered"]
    assert {one["key"]: one["is_retired"] for one in states} == {
        "C/M-1": False, "C/M-2": False, "C/M-3": True,
    }  # fmt: skip
    assert chain.query("SELECT 1 FROM master.device_info WHERE device_id = 'retired:C/M-1'") == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("plant", "C", "P"), "because machines are at work with it: M-1, M-2"),
        (("company", "C"), "because machines are at work with it: M-1, M-2"),
        (("device", "D-1"), "because machines are at work with it: M-1"),
        (("machine", "C", "M-8"), "company C has no machine M-8"),
        (("machine", "C"), "cannot retire a machine with the key C"),
        (("device", "D-8"), "there is no device D-8"),
        (("shift", "C", "P", "8"), "there is no shift C/P/8"),
        (("code", "C", "8"), "there is no code C/8"),
    ],
)
def test_what_is_at_work_or_not_there_is_not_retired(
    plant: Plant, arguments: tuple[str, ...], why: str
) -> None:
    before = masters(plant.chain)
    code, message = setu(plant.chain, "retire", *arguments)
    assert code == 1
    assert why in message
    assert masters(plant.chain) == before


def test_a_shift_a_code_a_plant_and_a_company_are_retired_and_come_back(plant: Plant) -> None:
    chain = plant.chain
    said(chain, "code", "COOLANT", "--company", "C", "--number", "91")
    for key in (
        ("shift", "C", "P", "1"),
        ("code", "C", "91"),
        ("plant", "B", "Q"),
        ("company", "B"),
    ):
        said(chain, "retire", *key)
    assert "changed" in said(
        chain, "shift", "C", "P", "1", "--start", "06:00", "--end", "14:00", "--name", "Day"
    )
    assert "changed" in said(chain, "plant", "B", "Q")
    assert "changed" in said(chain, "company", "B")
    assert "unchanged" in said(chain, "company", "B")


def test_registering_the_same_again_draws_no_number(plant: Plant) -> None:
    chain = plant.chain
    drawn = (
        "SELECT last_value FROM master.companies_iot_id_seq UNION ALL"
        " SELECT last_value FROM master.plants_iot_id_seq UNION ALL"
        " SELECT last_value FROM master.device_info_device_iot_id_seq UNION ALL"
        " SELECT last_value FROM master.machine_info_iot_id_seq"
    )
    before = chain.query(drawn)
    for _ in range(3):
        said(chain, "company", "C")
        said(chain, "plant", "C", "P")
        said(chain, "device", "D-1")
        said(chain, "machine", "C", "M-1", "--plant", "P", "--device", "D-1")
    assert chain.query(drawn) == before


FLEET = """\
machine:
  - {company: N, machine: M-A, plant: S, device: G-A, source_id: 007}
  - {company: N, machine: M-B, plant: S, device: G-B}
company:
  - {company: N, name: North}
plant:
  - {company: N, plant: S, timezone: Europe/Berlin}
device:
  - device: G-A
  - device: G-B
shift:
  - {company: N, plant: S, shift: 1, start: 06:00, end: 14:00, name: Early}
  - {company: N, plant: S, shift: 3, start: 22:00, end: 06:00, name: Night}
code:
  - {code: COOLANT, company: N, number: 91}
"""


def test_a_file_is_registered_as_a_whole_whatever_its_order(plant: Plant, tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(FLEET, encoding="utf-8")
    before = masters(plant.chain)
    assert "Nothing is changed; this would be" in said(plant.chain, "file", str(file), "--dry-run")
    assert masters(plant.chain) == before
    done = json.loads(said(plant.chain, "file", str(file), "--json"))
    assert {one["outcome"] for one in done["done"]} == {"added"}
    assert [g["source_iot_id"] for g in done["gateways_need"]] == ["007", "M-B"]
    again = json.loads(said(plant.chain, "file", str(file), "--json"))
    assert {one["outcome"] for one in again["done"]} == {"unchanged"}


def test_nothing_of_a_file_is_registered_when_one_entry_cannot_be(
    plant: Plant, tmp_path: Path
) -> None:
    file = tmp_path / "machines.csv"
    file.write_text(
        "kind,company,machine,plant,device\n"
        "device,,,,G-1\n"
        "machine,C,M-5,P,G-1\n"
        "machine,C,M-6,Q,G-1\n"
        "machine,C,M-7,P,D-1\n",
        encoding="utf-8",
    )
    before = masters(plant.chain)
    code, message = setu(plant.chain, "file", str(file))
    assert code == 1
    assert "2 of 4 entries cannot be registered; nothing was changed" in message
    assert "machines.csv, line 4: plant Q is not of company C" in message
    assert "machines.csv, line 5: cannot give gateway D-1 to machine M-7" in message
    assert masters(plant.chain) == before


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "kind,plant\nmill,P\n", "a.csv, line 2: no kind 'mill'"),
        ("a.csv", "kind,company,plnt\nplant,C,P\n", "a plant has no field 'plnt'"),
        ("a.csv", "kind,company\nplant,C\n", "a plant needs plant"),
        ("a.csv", "kind,company\nplant,C,P,Q\n", "has no field '(beyond the header)'"),
        ("a.yaml", "plant:\n  - {company: C}\n", "a.yaml, plant 1: a plant needs plant"),
        ("a.yaml", "- plant\n", "has no lists by kind"),
        ("a.yaml", "plant: [", "is no YAML"),
        ("a.yaml", "{}", "It has no entry"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_line_and_field(
    plant: Plant, tmp_path: Path, name: str, text: str, why: str
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    code, message = setu(plant.chain, "file", str(file))
    assert code == 1
    assert why in message


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("company", " C"), "cannot register a company with the id"),
        (("plant", "X", "P"), "there is no company X"),
        (("plant", "C", "P2", "--timezone", "IST"), "Write Asia/Kolkata"),
        (("machine", "C", "M-4", "--plant", "P", "--device", "D-4"), "there is no gateway D-4"),
        (("machine", "C", "M-4", "--plant", "P", "--device", "D-1"), "machine M-1 of C has it"),
        (("machine", "C", "M-1", "--plant", "P", "--device", "D-1", "--number", "9"),
         "because it has the number 1"),
        (("shift", "C", "P", "3", "--start", "07:00", "--end", "15:00"), "overlaps shift 1"),
        (("shift", "C", "P", "3", "--start", "7 o'clock", "--end", "15:00"), "invalid input"),
        (("code", "COOLANT", "--number", "91"), "Give both company and number"),
        (("move", "machine", "C", "M-1"), "it is not said where to"),
        (("move", "code", "C", "91", "NONE"), "there is no downtime code NONE"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_what_to_do(
    plant: Plant, arguments: tuple[str, ...], why: str
) -> None:
    before = masters(plant.chain)
    code, message = setu(plant.chain, *arguments)
    assert code == 1
    assert why in message
    assert masters(plant.chain) == before


@pytest.mark.parametrize("role", ["setu_reader", "setu_etl", "setu_ingest"])
def test_no_other_role_registers_moves_or_retires(plant: Plant, role: str) -> None:
    before = masters(plant.chain)
    for arguments in (
        ("company", "X"),
        ("move", "machine", "C", "M-1", "--plant", "P"),
        ("retire", "machine", "C", "M-1"),
    ):
        code, message = setu(plant.chain, *arguments, role=role)
        assert code == 1, message
    assert masters(plant.chain) == before


def test_the_list_fits_80_columns_and_cuts_no_name(plant: Plant) -> None:
    said(plant.chain, "code", "A_CODE_WITH_A_LONG_NAME_OF_40_CHARACTERS")
    listed = said(plant.chain, "list", role="setu_reader")
    assert "A_CODE_WITH_A_LONG_NAME_OF_40_CHARACTERS" in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_what_was_registered_goes_back_to_v1_and_comes_again_as_it_was(server: Server) -> None:
    with chain_on(server) as chain:
        chain.upgrade()
        said(chain, "company", "N", "--name", "North")
        said(chain, "plant", "N", "S", "--timezone", "Europe/Berlin")
        for device in ("G-1", "G-2"):
            said(chain, "device", device)
        said(chain, "machine", "N", "M-1", "--plant", "S", "--device", "G-1", "--source-id", "7")
        said(chain, "machine", "N", "M-2", "--plant", "S", "--device", "G-2", "--number", "40")
        said(chain, "shift", "N", "S", "1", "--start", "06:00", "--end", "14:00", "--name", "Early")
        said(chain, "code", "COOLANT", "--company", "N", "--number", "91")
        said(chain, "retire", "machine", "N", "M-2")
        before = json.loads(said(chain, "list", "--json"))["registered"]
        chain.downgrade("0001")
        assert chain.query(
            "SELECT machine_id, company_id, plant_id, device_id, iot_id"
            " FROM master.machine_info ORDER BY 1"
        ) == [("M-1", "N", "S", "G-1", "7"), ("M-2", "N", "S", "retired:N/M-2", "M-2")]
        chain.upgrade()
        after = json.loads(said(chain, "list", "--json"))["registered"]
        assert after == before
