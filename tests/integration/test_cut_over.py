"""Each statement of docs/cut-over.md, run as it stands there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from pglast import split
from typer import Typer
from typer.testing import CliRunner

from setu.cli.main import load_commands
from tests.loads import Fleet, fleet_on
from tests.model import OTHER_FACTS
from tests.servers.at_hand import Server
from tests.v1 import ROOT, query, run, value

PAGE = (ROOT / "docs/cut-over.md").read_text(encoding="utf-8")
STATEMENTS = [
    statement for block in re.findall(r"```sql\n(.*?)```", PAGE, re.S) for statement in split(block)
]
DOWNTIME = OTHER_FACTS[0]


@pytest.fixture
def fleet(server: Server) -> Iterator[Fleet]:
    with fleet_on(server) as made:
        run(
            made.connection,
            "UPDATE master.companies SET company_id = 'ACME';"
            " UPDATE master.device_info SET device_id = 'GW-1' WHERE device_id = 'gateway of M0';"
            " UPDATE master.machine_info SET source_iot_id = '7' WHERE iot_id = 1;"
            " INSERT INTO master.downtime_codes (down_code) VALUES ('TOOL')",
        )
        yield made


def test_every_statement_of_the_page_runs_and_does_what_it_says(fleet: Fleet) -> None:
    connection = fleet.connection
    assert len(STATEMENTS) >= 16
    stops = "SELECT down_end IS NULL FROM silver.machine_downtime"
    for statement in STATEMENTS:
        text = statement.strip()
        name = re.sub(r"\s+", " ", text)
        if name.startswith("ALTER ROLE"):
            # A password would stay with the server under test.
            text = "ALTER ROLE setu_ingest WITH LOGIN"
        if "sp_resend_rejected" in name:
            fleet.load(DOWNTIME)
            assert value(connection, text.replace("%", "%%")) >= 0
            fleet.load(DOWNTIME)
            continue
        if not name.startswith("SELECT"):
            run(connection, text.replace("%", "%%"))
            continue
        found = query(connection, text.replace("%", "%%"))
        if "v_device_machines AS v WHERE v.device_id = 'GW-1' ORDER" in name:
            assert found == [("7", 1)]
        elif "v_kafka_offsets" in name:
            assert ("bronze.raw_machine_downtime", 0, 42) in found
            fleet.load(DOWNTIME)
        elif "v_unknown_codes" in name:
            # The number 1 means NO POWER to this company, and the text says TOOL.
            assert found == [("ACME", 1, "TOOL", "code and number disagree", "TOOL")]
        elif "fn_replace_row" in name:
            assert query(connection, stops) == [(False,)]
        elif "fn_remove_row" in name:
            assert query(connection, stops) == []
        elif "fn_restore_row" in name:
            assert query(connection, stops) == [(True,)]


@pytest.mark.requires("multi_session")
def test_every_command_of_the_page_registers_what_it_says(fleet: Fleet) -> None:
    connection = fleet.connection
    run(
        connection,
        "UPDATE master.machine_info SET machine_id = 'M-1' WHERE iot_id = 1;"
        " UPDATE master.plants SET plant_id = 'PUNE' WHERE plant_id = 'P0'",
    )
    app = Typer()
    load_commands(app)
    dsn = connection.get_dsn_parameters()
    url = f"postgresql://{dsn['user']}@{dsn['host']}:{dsn['port']}/{dsn['dbname']}"
    commands = re.findall(r"^setu (register .+)$", PAGE, re.M)
    assert len(commands) >= 5
    for command in commands:
        result = CliRunner(env={"DATABASE_URL": url}).invoke(app, shlex.split(command))
        assert result.exit_code == 0, f"{command}: {result.output} {result.exception}"
    assert query(
        connection,
        "SELECT m.machine_id, d.device_id FROM master.machine_info AS m"
        " INNER JOIN master.device_info AS d USING (device_iot_id)"
        " WHERE m.machine_id LIKE 'M-%%' ORDER BY 1",
    ) == [("M-1", "GW-3"), ("M-2", "GW-2")]
    mapped = "SELECT source_down_id FROM master.downtime_code_mapping AS k"
    coolant = "INNER JOIN master.downtime_codes AS d USING (down_id) WHERE d.down_code = 'COOLANT'"
    assert (91,) in query(connection, f"{mapped} {coolant}")
