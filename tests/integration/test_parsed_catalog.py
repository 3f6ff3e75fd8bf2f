"""What is read from SQL files without a server, against a server that ran the same files."""

from __future__ import annotations

import pytest

from setu.catalog import Catalog, differences, render_differences
from setu.catalog.parsed import parse_schema
from setu.catalog.parsing.pieces import files_below
from setu.chain.settings import Settings
from tests.chain import HEAD, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

SIDES = {"schema": "0001", "schema_new": HEAD}


def parsed(folder: str, *, community: bool = True) -> Catalog:
    """The catalog of a folder of this repository, by the defaults of all settings."""
    return parse_schema(
        files_below(ROOT / folder),
        settings=Settings().session_settings(),
        edition="community" if community else "apache",
    )


@pytest.mark.parametrize("folder", SIDES)
def test_files_and_a_server_that_ran_them_agree(server: Server, folder: str) -> None:
    with chain_on(server) as chain:
        chain.upgrade(SIDES[folder])
        catalog = chain.catalog()
        files = parsed(folder, community=chain.community)
        assert render_differences(differences(files, catalog)) == ""
        assert render_differences(differences(catalog, files)) == ""


@pytest.mark.parametrize("folder", SIDES)
def test_a_folder_does_not_differ_from_itself(folder: str) -> None:
    assert differences(parsed(folder), parsed(folder)) == []
