"""Where a command makes its scratch database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from setu.db.address import Address
from setu.db.connection import connected
from setu.review.scratch import ScratchServer
from setu.servers import embedded


@contextmanager
def scratch_server(address: Address, other: str | None = None) -> Iterator[ScratchServer]:
    """The server of an address, or another one; beside an embedded server a new embedded one.

    The embedded server has one database, whatever a client asks for.

    :param other: the address that ``--scratch`` gives.
    """
    if other is not None:
        yield ScratchServer(Address.parse(other, source="--scratch"))
        return
    with connected(address, "scratch") as connection:
        version = str(connection.exec_driver_sql("SELECT version()").scalar_one())
    if embedded.COMPILER not in version:
        yield ScratchServer(address)
        return
    with embedded.EmbeddedServer() as server:
        yield ScratchServer(Address.parse(server.url), is_empty=True)
