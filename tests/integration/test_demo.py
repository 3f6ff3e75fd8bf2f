"""The demo: every claim that it makes holds, on any server of the community edition."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from setu.demo.story import Demo
from setu.simulate.fleet import V1_TABLES
from tests.chain import chain_on
from tests.servers.at_hand import Server


@pytest.mark.requires("community")
def test_every_claim_of_the_demo_holds(server: Server) -> None:
    output = io.StringIO()
    # Where there is no scheduler but could be one, status says so.
    with chain_on(server, scheduler=True) as chain:
        checks = Demo(chain.url, Console(file=output, width=110)).run()
    assert [check for check in checks if not check.holds] == [], output.getvalue()
    assert len(checks) >= 15
    # Each of v1's layers is shown; master data as it is registered.
    for table in V1_TABLES:
        if not table.startswith("master."):
            assert table in output.getvalue()
