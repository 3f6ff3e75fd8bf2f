"""Whatever libpq takes is an address, and no password is ever part of a message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from setu.db.address import Address, database_address
from setu.errors import DatabaseUrlError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "postgresql://a,b:5433/plant?target_session_attrs=read-write",
            {"host": "a,b", "port": ",5433", "target_session_attrs": "read-write"},
        ),
        ("postgresql:///plant?host=/var/run/postgresql", {"host": "/var/run/postgresql"}),
        ("postgresql://%2Fvar%2Frun/plant", {"host": "/var/run"}),
        ("postgres://ana:p%40s%2Fs%25@db/plant", {"user": "ana", "password": "p@s/s%"}),
        ("postgresql://db/plant?options=-c%20work_mem%3D4MB", {"options": "-c work_mem=4MB"}),
        ("postgresql://[::1]:5433/plant", {"host": "::1", "port": "5433"}),
        ("host=db port=5433 dbname=plant user=ana password='p w'", {"password": "p w"}),
        ("postgresql://?service=fleet", {"service": "fleet"}),
        ("service=fleet", {"service": "fleet"}),
        ("postgresql+psycopg2://db/plant", {"host": "db"}),
        ("postgresql://ana@db/na%2Fme", {"dbname": "na/me"}),
    ],
)
def test_what_libpq_takes_is_an_address(text: str, expected: dict[str, str]) -> None:
    parameters = Address.parse(text, environment={}).parameters
    assert {name: parameters.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ana:hid@den@db/plant",
        "postgresql://ana:hid/den@db/plant",
        "postgresql://ana:hid/den@db:5432/plant",
        "postgresql://ana:123/hidden@db/plant",
        "postgresql://ana:hid?den=1@db@x/plant",
        "postgresql://ana:hid%zz@db/plant",
        "postgresql://ana:hidden@db:port/plant",
        "postgresql://ana:hidden@db:99x/plant",
        "postgresql://ana:hidden@[db/plant",
        "postgresql://ana:hidden@db/plant?no_such=1",
        "host=db password=hid den dbname=plant",
        "host=db password='hidden",
        "ana:hidden@db/plant",
        "mysql://ana:hidden@db/plant",
    ],
)
def test_a_password_that_was_not_escaped_is_never_shown(text: str) -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        Address.parse(text, environment={})
    assert "hid" not in str(caught.value)
    assert "123" not in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("environment", [{"PGDATABASE": "plant"}, {"PGSERVICE": "fleet"}])
def test_a_database_may_be_named_by_the_environment(environment: dict[str, str]) -> None:
    address = "postgresql://db"
    assert database_address({"DATABASE_URL": address, **environment}).parameters["host"] == "db"
    with pytest.raises(DatabaseUrlError, match="names no database"):
        database_address({"DATABASE_URL": address})


def test_people_see_where_and_as_whom_and_no_secret() -> None:
    address = Address.parse("postgresql://ana:hidden@db:5433/plant?sslpassword=hidden2&options=-cx")
    assert str(address) == repr(address) == "postgresql://ana:***@db:5433/plant"
    several = Address.parse("postgresql://ana:hidden@a,b/plant")
    assert "hidden" not in str(several)
    assert "a,b" in str(several)
    assert address.hide("auth failed for hidden, hidden2") == "auth failed for ***, ***2"


@pytest.mark.parametrize(
    ("program", "command", "folder"),
    [
        ("setu.cli.main", ["current"], "50%_of it"),
        ("alembic", ["current"], "50%_of it"),
        ("alembic", ["history"], "%(here)s"),
    ],
)
def test_a_checkout_may_have_a_percent_sign_in_its_path(
    tmp_path: Path, program: str, command: list[str], folder: str
) -> None:
    checkout = tmp_path / folder
    checkout.mkdir()
    for name in ("alembic.ini", "alembic", "sql", "schema", "schema_new"):
        (checkout / name).symlink_to(ROOT / name)
    done = subprocess.run(
        [sys.executable, "-m", program, *command],
        cwd=checkout,
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    assert done.returncode == 0 or "No server answers there" in done.stderr


@pytest.mark.parametrize("words", [["-c", "{ini}"], ["--config={ini}"], []])
def test_the_program_alembic_reads_a_file_below_a_percent_sign(
    tmp_path: Path, words: list[str]
) -> None:
    checkout = tmp_path / "a%b"
    checkout.mkdir()
    for name in ("alembic.ini", "alembic", "sql", "schema", "schema_new"):
        (checkout / name).symlink_to(ROOT / name)
    ini, scratch = checkout / "alembic.ini", tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [Path(sys.executable).parent / "alembic", *(w.format(ini=ini) for w in words), "heads"],
        cwd=tmp_path if words else checkout,
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("0")
    assert list(scratch.iterdir()) == []
