"""``setu lint`` with a server: the chain must end in the catalog of ``schema_new/``."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from setu.chain.releases import write_release
from setu.cli.main import app, load_commands
from setu.errors import StepError
from tests.second_release import Copy, changed_load_function
from tests.servers.at_hand import Server
from tests.v1 import ROOT


def run_lint(server: Server, root: Path, patch: pytest.MonkeyPatch) -> str:
    """``setu lint --server``: its output. Its errors are raised."""
    patch.chdir(root)
    if not app.registered_commands:
        load_commands(app)
    url = server.create_database()
    try:
        result = CliRunner().invoke(app, ["lint", "--server", url], catch_exceptions=False)
    finally:
        server.drop_database(url)
    return result.output


@pytest.mark.requires("multi_session", "community")
def test_lint_finds_an_edit_of_schema_new_that_no_revision_brings(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Copy.of_this(tmp_path)
    # Until then, steps include what is edited.
    write_release(copy.root, "2.0")
    path = "schema_new/silver/Tables/machine_energy.sql"
    changed_load_function(copy)
    copy.edit(path, ("    category ", "    phase text,\n    category "))
    monkeypatch.setattr("setu.cli.commands.lint.check_style", lambda _root: [])
    with pytest.raises(StepError) as caught:
        run_lint(server, copy.root, monkeypatch)
    assert "does not end in the catalog of schema_new/" in str(caught.value)
    assert "silver.machine_energy.phase" in str(caught.value)
    assert "fn_load_rows" not in str(caught.value)


@pytest.mark.requires("multi_session", "community")
def test_the_chain_ends_in_the_catalog_of_schema_new(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("setu.cli.commands.lint.check_style", lambda _root: [])
    output = run_lint(server, ROOT, monkeypatch)
    assert "The chain ends in the catalog of schema_new/." in output
