"""The demo: every claim that it makes holds, on any server of the community edition."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from setu.demo.story import Demo
from setu.simulate.fleet import V1_TABLES


@pytest.mark.requires("community")
def test_every_claim_of_the_demo_holds(database_url: str) -> None:
    output = io.StringIO()
    checks = Demo(database_url, Console(file=output, width=110)).run()
    assert [check for check in checks if not check.holds] == [], output.getvalue()
    assert len(checks) >= 15
    for table in V1_TABLES:
        assert table in output.getvalue()
