"""The end of the chain, and what ``schema_new/`` says it should be, each in an empty database."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.config import Config

from alembic import command
from setu.catalog import Catalog
from setu.catalog.snapshot import snapshot
from setu.chain.fresh import apply_fresh
from setu.chain.settings import Settings
from setu.db.address import VARIABLE, Address
from setu.db.connection import connected

#: Versions that report a job's success as failure are good enough to compare catalogs.
_X = ("accept_known_bad_pair=yes",)


def chain_end(database: Address, root: Path) -> Catalog:
    """The catalog in which the chain ends, made in an empty database by ``upgrade head``."""
    config = Config(
        str(root / "alembic.ini"),
        cmd_opts=Namespace(x=[*_X], raiseerr=True, cmd=(command.upgrade,)),
    )
    with _address(database):
        command.upgrade(config, "head")
    return _catalog(database)


def destination(database: Address, root: Path) -> Catalog:
    """The catalog that ``schema_new/`` makes in an empty database."""
    with connected(database, "lint") as connection:
        apply_fresh(connection, root, Settings.from_x_arguments(_X))
    return _catalog(database)


def _catalog(database: Address) -> Catalog:
    with connected(database, "lint") as connection:
        return snapshot(connection)


@contextmanager
def _address(database: Address) -> Iterator[None]:
    """Alembic's environment takes the address from the environment."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = database.dsn
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before
