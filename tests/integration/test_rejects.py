"""``setu rejects``: find the rows that no load took, see what is wrong, send again or let go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg2
import pytest
from sqlalchemy import make_url
from typer import Typer
from typer.testing import CliRunner, Result

from setu.cli.main import load_commands
from setu.ops.rejects import REASONS, Reject, advice, culprits
from tests.servers.at_hand import Server
from tests.v1 import ROOT
from tests.v2 import Plant, plant_on

LOAD = "CALL _etl.sp_load_machine_focas(NULL, '{}')"
SEND = (
    "INSERT INTO bronze.raw_machine_focas (device_id, machine_iot_id, event_time, part_count, ot)"
)


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Plant]:
    with plant_on(server) as plant:
        yield plant


@pytest.fixture
def plant(shared: Plant) -> Plant:
    """Three rows of machines nobody knows, one with a number too large, one without a time."""
    shared.chain.run(
        "TRUNCATE _etl.rejected_rows, _etl.discarded_rejects, silver.machine_focas",
        f"{SEND} SELECT 'D-1', 400 + n, now(), 1, 1 FROM generate_series(1, 3) AS n",
        f"{SEND} VALUES ('D-1', 1, now(), 1, 3e9), ('D-1', 1, NULL, 1, 1)",
        LOAD,
    )
    return shared


def setu(plant: Plant, *arguments: str, role: str = "") -> Result:
    app = Typer()
    load_commands(app)
    url = make_url(plant.chain.url)
    if role:
        url = url.update_query_dict({"options": f"-crole={role}"})
    given = {"DATABASE_URL": url.render_as_string(hide_password=False)}
    return CliRunner(env=given).invoke(app, ["rejects", *arguments])


def identify(plant: Plant, reason: str) -> str:
    return str(
        plant.chain.value(
            f"SELECT max(reject_id) FROM _etl.rejected_rows WHERE reason_code = '{reason}'"
        )
    )


def waiting(plant: Plant) -> int:
    return int(plant.chain.value("SELECT count(*) FROM _etl.rejected_rows WHERE resent_at IS NULL"))


def test_the_list_counts_by_reason_and_names_what_a_filter_finds(plant: Plant) -> None:
    result = setu(plant, "list", role="setu_reader")
    assert result.exit_code == 0, result.output
    assert [line.split() for line in result.output.splitlines() if "machine_focas" in line] == [
        ["machine_focas", "unknown_machine", "3", "3"],
        ["machine_focas", "missing_time", "1", "1"],
        ["machine_focas", "value_out_of_range", "1", "1"],
    ]
    result = setu(plant, "list", "machine_focas", "--reason", "unknown_machine", "--machine", "402")
    [row] = [line.split() for line in result.output.splitlines() if " 402 " in line]
    assert row[1:3] == ["unknown_machine", "402"]
    assert max(map(len, result.output.splitlines())) <= 80
    for none in (["machine_cycles"], ["--until", "2020-01-01"], ["--since", "2100-01-01"]):
        assert setu(plant, "list", *none).output == "no rejected row waits\n"


def test_a_row_is_shown_whole_with_the_exact_value_and_what_helps(plant: Plant) -> None:
    number = identify(plant, "value_out_of_range")
    result = setu(plant, "show", number, role="setu_reader")
    assert result.exit_code == 0, result.output
    first, wrong, *rest = result.output.splitlines()
    assert first == f"machine_focas {number}: value_out_of_range"
    assert wrong == "  ot = 3000000000"
    assert "  part_count       1" in rest
    assert f"  setu rejects discard machine_focas --id {number}" in rest
    said = json.loads(setu(plant, "show", number, "--json").stdout)
    assert said["format"] == 1
    assert said["wrong"] == {"ot": 3000000000}
    assert said["row"]["row"]["device_id"] == "D-1"


def test_a_number_that_is_no_rejected_row_is_said(plant: Plant) -> None:
    result = setu(plant, "show", "999999")
    assert result.exit_code == 1
    assert "There is no rejected row 999999" in str(result.exception)


def test_what_a_filter_finds_is_sent_again_and_nothing_else(plant: Plant) -> None:
    which = ["machine_focas", "--machine", "402"]
    assert setu(plant, "resend", *which, "--dry-run").output == (
        "machine_focas: 1 rows would be resent\n"
    )
    assert waiting(plant) == 5
    result = setu(plant, "resend", *which, role="setu_etl")
    assert result.output == "machine_focas: 1 rows resent\n", result.exception
    assert waiting(plant) == 4
    assert setu(plant, "resend", *which).output == "no waiting row is such: none resent\n"
    # It is the row's cause that was to be corrected: not corrected, it is rejected again.
    plant.chain.run(LOAD)
    assert waiting(plant) == 5


def test_what_cannot_be_sent_again_is_said_and_keeps_nothing_else_from_it(plant: Plant) -> None:
    plant.chain.run(
        "INSERT INTO _etl.rejected_rows (pipeline, reason_code, detail, row_data)"
        " VALUES ('raw_telemetry', 'unreadable_payload', 'no time', '{}')",
        "UPDATE _etl.rejected_rows SET reason_code = 'row_too_large'"
        " WHERE reason_code = 'missing_time'",
    )
    for options, done in ((["--dry-run"], "would be resent"), ([], "resent")):
        result = setu(plant, "resend", "--since", "2020-01-01", *options, role="setu_admin")
        assert result.exit_code == 0, result.output
        assert result.output.splitlines() == [
            f"machine_focas: 4 rows {done}",
            "machine_focas: 1 rows cannot be resent; setu rejects show ID says why",
            "raw_telemetry: 1 rows cannot be resent; setu rejects show ID says why",
        ]
    said = json.loads(setu(plant, "resend", "raw_telemetry", "--json").stdout)
    assert (said["rows"], said["not_resent"]) == ({}, {"raw_telemetry": 1})
    assert waiting(plant) == 2
    # What was sent again is in bronze.
    plant.chain.run(LOAD)


def test_what_is_discarded_is_gone_and_counted(plant: Plant) -> None:
    result = setu(
        plant, "discard", "machine_focas", "--reason", "unknown_machine", "--yes", role="setu_etl"
    )
    assert result.output == "machine_focas: 3 rows discarded\n", result.exception
    assert waiting(plant) == 2
    assert plant.chain.query(
        "SELECT pipeline, reason_code, cause, rows_discarded FROM _etl.discarded_rejects"
    ) == [("machine_focas", "unknown_machine", "by hand", 3)]


def test_nothing_is_changed_without_a_word_on_which_rows(plant: Plant) -> None:
    for command in ("resend", "discard"):
        result = setu(plant, command)
        assert result.exit_code == 1
        assert "It is not said which rows" in str(result.exception)
    # Discarding asks; no answer is no.
    assert setu(plant, "discard", "machine_focas").exit_code == 1
    assert waiting(plant) == 5


@pytest.mark.parametrize(
    ("which", "said"),
    [
        (["machine_focus"], "There is no pipeline machine_focus"),
        (["machine_focas", "--reason", "unknown_machines"], "No load rejects for reason unknown_m"),
        (["--reason", "too_late"], "No load rejects for reason too_late"),
        (["raw_telemetry", "--reason", "sender_mismatch"], "No load rejects for reason sender_mis"),
    ],
)
def test_a_pipeline_or_reason_that_does_not_exist_is_refused(
    plant: Plant, which: list[str], said: str
) -> None:
    for command in (["list"], ["resend"], ["resend", "--dry-run"], ["discard", "--yes"]):
        result = setu(plant, *command, *which)
        assert result.exit_code == 1
        assert said in str(result.exception)
    assert waiting(plant) == 5


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("_etl.sp_resend_rejected('machine_focus')", "resend rows of pipeline machine_focus"),
        ("_etl.sp_resend_rejected('machine_focas', 'nope')", "resend rows of reason nope"),
        ("_etl.sp_discard_rejected('machine_focus', '{1}')", "discard rows of pipeline machine_f"),
    ],
)
def test_the_procedures_refuse_them_too(plant: Plant, call: str, said: str) -> None:
    with pytest.raises(psycopg2.Error, match=f"cannot {said}"):
        plant.chain.run(f"CALL {call}")


def test_each_reason_of_a_load_is_known_and_no_other() -> None:
    """Those in the text of the loads, in the procedure and in the command are the same."""
    etl = ROOT / "schema_new/_etl"
    texts = {path.stem: path.read_text(encoding="utf-8") for path in etl.rglob("*.sql")}
    listed = re.search(r"c_reasons .*? ARRAY\[(.*?)\]", texts.pop("sp_resend_rejected"), re.DOTALL)
    assert listed
    assert tuple(re.findall(r"'(\w+)'", listed.group(1))) == REASONS
    loads = "".join(texts[name] for name in texts if name.startswith(("fn_load", "v_transform")))
    tables = "".join(p.read_text("utf-8") for p in (ROOT / "schema_new/bronze/Tables").iterdir())
    given = {
        word.replace("{word}", name)
        for word in re.findall(r"THEN '([a-z_{}]*_[a-z_{}]*)'\s", loads)
        for name in ("start", "time")
        if word not in tables
    }
    assert given <= set(REASONS)
    everywhere = "".join(texts.values())
    for reason in REASONS:
        general = re.sub("start_(?=out|in)|time_(?=out|in)", "{word}_", reason)
        general = re.sub("missing_(start|time)", "missing_{word}", general)
        assert f"'{reason}'" in everywhere or f"'{general}'" in everywhere, reason


def test_a_reader_may_look_and_not_change(plant: Plant) -> None:
    for command in (["resend"], ["discard", "--yes"]):
        result = setu(plant, *command, "--reason", "missing_time", role="setu_reader")
        assert result.exit_code == 1
    assert waiting(plant) == 5


@pytest.mark.parametrize(
    ("reason", "row", "wrong"),
    [
        ("unknown_machine", {"machine_iot_id": 9}, [("machine_iot_id", 9)]),
        ("sender_mismatch", {"device_id": "D", "machine_iot_id": 9},
         [("device_id", "D"), ("machine_iot_id", 9)]),
        ("missing_key", {"event_time": "x", "tool_no": None}, [("tool_no", None)]),
        ("time_in_future", {"event_time": "2126"}, [("event_time", "2126")]),
        ("start_out_of_range", {"cycle_start": "0001"}, [("cycle_start", "0001")]),
        ("end_before_start", {"down_start": "2", "down_end": "1"},
         [("down_start", "2"), ("down_end", "1")]),
        ("value_out_of_range", {"a": 2147483647.4, "b": "NaN", "c": -2147483649, "d": 1e9},
         [("b", "NaN"), ("c", -2147483649), ("d", 1e9)]),
        ("load_error", {"a": 1}, []),
    ],
)  # fmt: skip
def test_the_value_that_is_wrong_is_named(
    reason: str, row: dict[str, object], wrong: list[tuple[str, object]]
) -> None:
    now = datetime.now(UTC)
    reject = Reject(1, "machine_focas", reason, "", None, now, now, None, row)
    types = {"a": "integer", "b": "integer", "c": "integer", "d": "numeric(12,3)"}
    assert culprits(reject, types) == wrong
    assert any(line.startswith(("setu rejects ", "UPDATE ")) for line in advice(reject))
