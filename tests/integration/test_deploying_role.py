"""The chain goes for a role that owns the database and may create roles, but is no superuser."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from tests.chain import Chain, chain_on
from tests.servers.at_hand import Server

pytestmark = pytest.mark.requires("multi_session")
ROLE = f"setu_deployer_{os.getpid()}"


@pytest.fixture
def chain(server: Server) -> Iterator[Chain]:
    """A database whose connections are all the deployer's."""
    with chain_on(server) as superuser:
        url = make_url(superuser.url)
        superuser.run(
            f"CREATE ROLE {ROLE} LOGIN CREATEROLE",
            f'ALTER DATABASE "{url.database}" OWNER TO {ROLE}',
        )
        try:
            deployer = url.update_query_dict({"options": f"-crole={ROLE}"})
            yield Chain(deployer.render_as_string(hide_password=False), server.capabilities)
        finally:
            superuser.run(
                f"REASSIGN OWNED BY {ROLE} TO CURRENT_USER",
                f"DROP OWNED BY {ROLE} CASCADE",
                f"DROP ROLE {ROLE}",
            )


def test_a_deployer_who_is_no_superuser_goes_up_and_down_and_up(chain: Chain) -> None:
    assert chain.query(
        "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    ) == [(ROLE, False)]
    chain.upgrade()
    there = chain.catalog()
    chain.downgrade("0001")
    chain.upgrade()
    assert chain.catalog() == there
    assert chain.broken() == []
    assert (
        chain.value(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        == ROLE
    )
