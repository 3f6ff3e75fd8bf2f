"""A small repository of its own, for tests of the machinery that must not need the real chain."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest
from alembic.config import Config

ROOT = Path(__file__).resolve().parent.parent

# The real pre-flight asks for the real chain.
LAUNCHER = """\
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

preflight = ModuleType("setu.preflight")
preflight.__spec__ = ModuleSpec("setu.preflight", None)
preflight.check = lambda *_, **__: None
sys.modules["setu.preflight"] = preflight

from alembic.config import main

main(prog="alembic")
"""


def leave_out_preflight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands of this process run without pre-flight, which asks for the real chain."""
    preflight = ModuleType("setu.preflight")
    preflight.__spec__ = ModuleSpec("setu.preflight", None)
    preflight.check = lambda *_, **__: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "setu.preflight", preflight)


class MiniRepository:
    """Files of a repository in a folder, with Alembic's real environment.

    :param root: an empty folder. Steps are added in the order of the chain.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        # Python takes a file for the one that it compiled if it has its length and its second.
        sys.dont_write_bytecode = True
        (root / "alembic/versions/p0_baseline").mkdir(parents=True)
        (root / "sql/p0_baseline").mkdir(parents=True)
        shutil.copy(ROOT / "alembic.ini", root)
        shutil.copy(ROOT / ".squawk.toml", root)
        shutil.copy(ROOT / "alembic/env.py", root / "alembic")
        shutil.copy(ROOT / "alembic/script.py.mako", root / "alembic")
        (root / "run_alembic.py").write_text(LAUNCHER, encoding="utf-8")
        self._last: str | None = None

    def add(
        self,
        stem: str,
        *,
        up: str = "SELECT 1;",
        down: str = "SELECT 1;",
        verify: str = "SELECT 1;",
        transaction: str = "yes",
        folder: str = "p0_baseline",
    ) -> str:
        """Add a revision and its step; return the revision id. SQL begins on line 7."""
        number = stem.partition("_")[0]
        (self.root / f"alembic/versions/{folder}").mkdir(exist_ok=True)
        (self.root / f"alembic/versions/{folder}/{stem}.py").write_text(
            f'"""{stem}.\n\nWhat: a\nWhy: b\nRisk: c\nDowngrade: d\n"""\n'
            "from setu.chain.runner import sql_step\n"
            f"revision = {number!r}\n"
            f"down_revision = {self._last!r}\n"
            "branch_labels = None\n"
            "depends_on = None\n"
            "upgrade, downgrade = sql_step(__file__)\n",
            encoding="utf-8",
        )
        header = f"-- what: {stem}\n-- why: b\n-- transaction: {transaction}\n"
        header += "-- lock: none\n-- down: d\n\n"
        for part, sql in (("up", up), ("down", down), ("verify", verify)):
            self.write(f"sql/{folder}/{stem}/{part}.sql", header + sql + "\n")
        self._last = number
        return number

    def write(self, path: str, text: str) -> None:
        """Write a file of the repository."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def config(self, *settings: str) -> Config:
        """Alembic's configuration, with ``-x`` settings; errors are raised."""
        return Config(
            str(self.root / "alembic.ini"), cmd_opts=Namespace(x=list(settings), raiseerr=True)
        )

    def start(self, *arguments: str, database_url: str | None) -> subprocess.Popen[str]:
        """Start the command line ``alembic`` in the repository."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        environment.pop("DATABASE_URL", None)
        if database_url is not None:
            environment["DATABASE_URL"] = database_url
        return subprocess.Popen(
            [sys.executable, "run_alembic.py", *arguments],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def alembic(self, *arguments: str, database_url: str | None) -> tuple[int, str, str]:
        """Run the command line ``alembic`` to its end: exit code, output, errors."""
        process = self.start(*arguments, database_url=database_url)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors
