"""The tutorials, run line by line as they stand on the page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest

from tests.chain import chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

PAGE = (ROOT / "docs/tutorials.md").read_text(encoding="utf-8")
TUTORIALS = ("Deploy", "Feed", "Reject and resend", "Roll back", "Add a column")


@dataclass
class Line:
    """A command or a statement, and what the page says is part of its answer."""

    text: str
    is_sql: bool
    expected: list[str] = field(default_factory=list)


def lines_of(page: str, title: str) -> list[Line]:
    """What a tutorial runs, in order."""
    [section] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    lines: list[Line] = []
    for block in re.findall(r"^```\n(.*?)^```$", section, re.M | re.S):
        for line in block.splitlines():
            if line.startswith(("$ ", "=> ")):
                lines.append(Line(line.partition(" ")[2], line.startswith("=>")))
            else:
                lines[-1].expected.append(line)
    return lines


@pytest.fixture(scope="module")
def run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Runs a line in a copy of the repository, on a database of its own; gives its answer."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("alembic", "schema", "schema_new", "sql"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("alembic.ini", ".squawk.toml"):
        shutil.copy(ROOT / name, folder)
    with chain_on(server) as chain:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {**os.environ, "DATABASE_URL": chain.url, "PATH": path}

        def answer(line: Line) -> str:
            return _sql(chain.url, line.text) if line.is_sql else _command(line.text, folder, env)

        yield answer


def _sql(url: str, statement: str) -> str:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
    return "\n".join(str(row[0] if len(row) == 1 else row) for row in rows)


def _command(text: str, folder: Path, env: dict[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_every_tutorial_of_the_page_is_run() -> None:
    titles = tuple(re.findall(r"^## (.+)$", PAGE, re.M))
    assert titles == TUTORIALS
    assert all(lines_of(PAGE, title) for title in titles)


def test_an_answer_that_is_not_given_is_found() -> None:
    page = "## A\n\n```\n=> SELECT 1;\n2\n```\n"
    [line] = lines_of(page, "A")
    assert (line.text, line.is_sql, line.expected) == ("SELECT 1;", True, ["2"])
    with pytest.raises(AssertionError):
        hold(line, "1")


def hold(line: Line, answer: str) -> None:
    """Each line that the page gives as an answer is in the answer."""
    for expected in line.expected:
        assert expected.strip() in answer, f"{line.text}\nlacks {expected!r}:\n{answer}"


@pytest.mark.requires("community")
def test_the_tutorials_do_what_they_say_one_after_the_other(run: object) -> None:
    assert callable(run)
    for title in TUTORIALS:
        for line in lines_of(PAGE, title):
            hold(line, run(line))
