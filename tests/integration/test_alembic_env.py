"""Alembic's environment: the command line, its errors, the pre-flight hook, offline scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg2
import pytest
from sqlalchemy import make_url

from alembic import command
from setu.chain import settings as settings_module
from setu.chain.environment import COMMAND
from setu.chain.releases import write_release
from setu.db.connection import database_url as url_of
from setu.errors import (
    ChecksumError,
    DatabaseConnectionError,
    DatabaseUrlError,
    PreflightError,
    RevisionStateError,
    SettingsError,
)
from tests.mini_repository import MiniRepository

Plan = tuple[str | None, str | None, str]


class Preflight(ModuleType):
    """Stands in for ``setu.preflight``: notes each plan, and refuses when told to."""

    def __init__(self) -> None:
        super().__init__("setu.preflight")
        self.__spec__ = ModuleSpec("setu.preflight", None)
        self.plans: list[Plan] = []
        self.refuses = False

    def check(self, connection: Any, **plan: Any) -> None:
        connection.exec_driver_sql("SELECT 1")
        self.plans.append((plan["current"], plan["target"], plan["direction"]))
        if self.refuses:
            raise PreflightError("planted", hint="nothing")


@pytest.fixture
def preflight(monkeypatch: pytest.MonkeyPatch) -> Preflight:
    module = Preflight()
    monkeypatch.setitem(sys.modules, "setu.preflight", module)
    return module


@pytest.fixture
def repository(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, preflight: Preflight
) -> MiniRepository:
    monkeypatch.setenv("DATABASE_URL", database_url)
    repository = MiniRepository(tmp_path)
    repository.add(
        "0001_first",
        up="CREATE TABLE public.one (a int, b text);\n"
        "INSERT INTO public.one VALUES (7 % 4, 'é :x %s \\ ''');",
        down="DROP TABLE public.one;",
        verify="SELECT 1 / count(*) FROM public.one;",
    )
    repository.add(
        "0002_alone",
        transaction="no",
        up="CREATE INDEX IF NOT EXISTS one_a_idx ON public.one (a);\n"
        "-- why outside\nVACUUM public.one -- end",
        down="DROP INDEX public.one_a_idx;\nVACUUM public.one;",
        verify="SELECT 1 / count(*) FROM pg_class WHERE relname = 'one_a_idx';",
    )
    # The last statement above ends in a comment, its semicolon on the next line.
    path = repository.root / "sql/p0_baseline/0002_alone/up.sql"
    path.write_text(path.read_text(encoding="utf-8") + ";\n", encoding="utf-8")
    repository.add(
        "0003_setting",
        up="CREATE TABLE public.two AS SELECT current_setting('setu.batch_size') AS a;\n"
        "-- @community\nCREATE TABLE public.three ();",
        down="DROP TABLE public.two;\nDROP TABLE IF EXISTS public.three;",
    )
    return repository


def snapshot(database_url: str) -> list[tuple[Any, ...]]:
    """What the mini chain can make: relations, rows, and the revision."""
    connection = psycopg2.connect(database_url)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT relname, relkind FROM pg_class "
                "WHERE relnamespace = 'public'::regnamespace ORDER BY relname"
            )
            rows: list[tuple[Any, ...]] = list(cursor.fetchall())
            for table in ("one", "two"):
                if (table, "r") in rows:
                    cursor.execute(f"SELECT * FROM public.{table}")
                    rows += cursor.fetchall()
            cursor.execute("SELECT to_regclass('_setu.version') IS NOT NULL")
            if cursor.fetchone() == (True,):
                cursor.execute("SELECT version_num FROM _setu.version")
                rows += cursor.fetchall()
        return rows
    finally:
        connection.close()


def execute(database_url: str, sql: str) -> None:
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
    connection.close()


def query(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall()
    connection.close()
    return rows


def psql(database_url: str, script: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed")
    return subprocess.run(
        [program, "-X", "-q", "-d", database_url, "-f", "-"],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def offline(repository: MiniRepository, *arguments: str) -> str:
    """An offline script, made without any database."""
    code, script, errors = repository.alembic(*arguments, "--sql", database_url=None)
    assert (code, errors.count("Traceback")) == (0, 0), errors
    return script


def test_a_chain_goes_up_and_down_with_one_line_a_step(
    repository: MiniRepository, database_url: str
) -> None:
    code, output, errors = repository.alembic("upgrade", "head", database_url=database_url)
    assert (code, output) == (0, "")
    for revision in ("0001", "0002", "0003"):
        assert f"{revision} up: done in " in errors
    code, output, _ = repository.alembic("current", database_url=database_url)
    assert (code, output.strip()) == (0, "0003 (head)")
    code, _, errors = repository.alembic("downgrade", "base", database_url=database_url)
    assert code == 0
    assert "0001 down: done in " in errors
    assert snapshot(database_url) == []


def test_an_offline_script_does_in_psql_what_alembic_does_online(
    repository: MiniRepository, database_url: str
) -> None:
    command.upgrade(repository.config("batch_size=9"), "head")
    online = snapshot(database_url)
    script = offline(repository, "downgrade", "head:base")
    result = psql(database_url, script)
    assert result.returncode == 0, result.stderr
    execute(database_url, "DROP SCHEMA _setu CASCADE")
    result = psql(database_url, offline(repository, "-x", "batch_size=9", "upgrade", "head"))
    assert result.returncode == 0, result.stderr
    assert snapshot(database_url) == online
    assert ("9",) in online


def test_an_offline_script_names_the_file_and_line_of_each_statement(
    repository: MiniRepository,
) -> None:
    script = offline(repository, "upgrade", "head")
    assert script.startswith("-- For psql.")
    assert "\\set ON_ERROR_STOP on" in script
    for line in ("0001_first/up.sql:8", "0002_alone/up.sql:9", "0003_setting/verify.sql:7"):
        assert f"-- sql/p0_baseline/{line}\n" in script
    assert "-- why outside\n" in script
    before, after = script.split("VACUUM public.one -- end\n;")
    assert before.rindex("COMMIT;") > before.rindex("BEGIN;")
    assert after.index("BEGIN;") < after.index("COMMIT;")


def test_an_offline_script_for_apache_lacks_what_only_community_has(
    repository: MiniRepository,
) -> None:
    assert "public.three ()" in offline(repository, "upgrade", "head")
    assert "public.three ()" not in offline(repository, "-x", "edition=apache", "upgrade", "head")


def test_an_offline_script_stops_at_the_first_error_and_keeps_what_was_done(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add("0004_bad", up="CREATE TABLE public.four ();\nSELECT 1 / 0;")
    result = psql(database_url, offline(repository, "upgrade", "head"))
    assert result.returncode == 3
    assert "division by zero" in result.stderr
    assert ("0003",) in snapshot(database_url)
    assert ("four", "r") not in snapshot(database_url)


def test_an_offline_script_refuses_a_database_at_another_revision(
    repository: MiniRepository, database_url: str
) -> None:
    command.upgrade(repository.config(), "0001")
    before = snapshot(database_url)
    for arguments in (("upgrade", "head"), ("upgrade", "0002:head"), ("downgrade", "0003:0002")):
        result = psql(database_url, offline(repository, *arguments))
        assert result.returncode == 3
        assert "because the database is at revision {0001}" in result.stderr
    assert snapshot(database_url) == before
    result = psql(database_url, offline(repository, "upgrade", "0001:0003"))
    assert result.returncode == 0, result.stderr


def test_pre_flight_learns_the_plan(repository: MiniRepository, preflight: Preflight) -> None:
    command.upgrade(repository.config(), "0002")
    command.upgrade(repository.config(), "head")
    command.upgrade(repository.config(), "head")
    command.downgrade(repository.config(), "-1")
    command.downgrade(repository.config(), "base")
    assert preflight.plans == [
        (None, "0002", "upgrade"),
        ("0002", "0003", "upgrade"),
        ("0003", "0002", "downgrade"),
        ("0002", None, "downgrade"),
    ]


def test_pre_flight_that_refuses_leaves_the_database_untouched(
    repository: MiniRepository, preflight: Preflight, database_url: str
) -> None:
    preflight.refuses = True
    before = snapshot(database_url)
    with pytest.raises(PreflightError):
        command.upgrade(repository.config(), "head")
    assert snapshot(database_url) == before == []


def test_other_commands_need_no_pre_flight(
    repository: MiniRepository, preflight: Preflight, database_url: str
) -> None:
    preflight.refuses = True
    config = repository.config()
    config.attributes[COMMAND] = command.stamp
    command.stamp(config, "0001")
    command.current(config)
    command.history(config)
    command.heads(config)
    assert preflight.plans == []
    assert ("0001",) in snapshot(database_url)


def test_a_changed_released_step_stops_the_upgrade(
    repository: MiniRepository, database_url: str
) -> None:
    write_release(repository.root, "2.0")
    command.upgrade(repository.config(), "0001")
    path = repository.root / "sql/p0_baseline/0002_alone/down.sql"
    path.write_text(path.read_text(encoding="utf-8") + "SELECT 2;\n", encoding="utf-8")
    with pytest.raises(ChecksumError, match="p0_baseline/0002_alone/down"):
        command.upgrade(repository.config(), "head")
    code, _, errors = repository.alembic("upgrade", "0001:head", "--sql", database_url=None)
    assert code == 1
    assert "has changed" in errors
    assert ("0001",) in snapshot(database_url)


def test_a_released_step_runs_with_the_defaults_of_its_release(
    repository: MiniRepository, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = "SELECT current_setting('setu.batch_size')"
    table = f"CREATE TABLE public.{{}} AS {shown} AS size;"
    repository.add("0010_in", up=table.format("inside"))
    repository.add("0011_out", up=table.format("outside"), transaction="no")
    with monkeypatch.context() as then:
        then.setattr(settings_module, "KNOWN", with_default("batch_size", "5"))
        write_release(repository.root, "2.0")
    repository.add("0101_later", up=table.format("later"), folder="r2_1")
    command.upgrade(repository.config(), "head")
    default = settings_module.Settings().text("batch_size")
    assert default != "5"
    for name, size in (("inside", "5"), ("outside", "5"), ("later", default)):
        assert query(database_url, f"SELECT size FROM public.{name}") == [(size,)]
    code, script, errors = repository.alembic("upgrade", "0001:head", "--sql", database_url=None)
    assert code == 0, errors
    assert script.index("'setu.batch_size', '5'") < script.index("public.inside")
    assert script.rindex(f"'setu.batch_size', '{default}'") < script.index("public.later")


def test_a_value_that_is_given_counts_in_released_steps_too(
    repository: MiniRepository, database_url: str
) -> None:
    repository.add(
        "0010_in", up="CREATE TABLE public.t AS SELECT current_setting('setu.batch_size') AS size;"
    )
    write_release(repository.root, "2.0")
    command.upgrade(repository.config("batch_size=7"), "head")
    assert query(database_url, "SELECT size FROM public.t") == [("7",)]


def with_default(name: str, default: str) -> tuple[settings_module.Setting, ...]:
    """All settings, one of them with another default."""
    return tuple(
        replace(setting, default=default) if setting.name == name else setting
        for setting in settings_module.KNOWN
    )


def test_a_revision_that_the_repository_does_not_know_is_explained(
    repository: MiniRepository, database_url: str
) -> None:
    command.upgrade(repository.config(), "0001")
    with pytest.raises(RevisionStateError, match="0099"):
        command.upgrade(repository.config(), "0099")
    execute(database_url, "UPDATE _setu.version SET version_num = 'abcd'")
    with pytest.raises(RevisionStateError, match="abcd"):
        command.upgrade(repository.config(), "head")


def test_a_foreseen_failure_ends_with_a_message_and_not_with_a_traceback(
    repository: MiniRepository, database_url: str
) -> None:
    code, output, errors = repository.alembic(
        "-x", "lock_timeout=never", "upgrade", "head", database_url=database_url
    )
    assert code == 1
    assert output == ""
    assert errors.startswith("lock_timeout cannot be 'never'")
    assert "What to do: " in errors
    assert "Traceback" not in errors
    with pytest.raises(SettingsError):
        command.upgrade(repository.config("no_such=1"), "head")


def test_the_server_sees_who_deploys(repository: MiniRepository, database_url: str) -> None:
    repository.add(
        "0004_name",
        up="CREATE TABLE public.four AS SELECT current_setting('application_name') AS a;",
    )
    command.upgrade(repository.config(), "head")
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT a FROM public.four")
        (name,) = cursor.fetchone() or ("",)
    connection.close()
    assert name.startswith("setu migrate by ")
    assert "@" in name


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_each_postgresql_scheme_is_accepted(scheme: str) -> None:
    url = url_of({"DATABASE_URL": f"{scheme}://ana:p%40ss@db:5433/plant?sslmode=disable"})
    assert url.parameters == {
        "user": "ana",
        "password": "p@ss",
        "host": "db",
        "port": "5433",
        "dbname": "plant",
        "sslmode": "disable",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "DATABASE_URL is not set"),
        ("  ", "DATABASE_URL is not set"),
        ("secret at host", "is not an address"),
        ("postgresql://ana:secret@db:port/plant", "is not an address"),
        ("mysql://ana:secret@db/plant", "names mysql, not PostgreSQL"),
        ("postgresql://ana:secret@db:5432", "names no database"),
    ],
)
def test_a_wrong_address_is_explained_and_never_shown(text: str | None, problem: str) -> None:
    with pytest.raises(DatabaseUrlError, match=problem) as caught:
        url_of({} if text is None else {"DATABASE_URL": text})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"host": "127.0.0.1", "port": 1}, "No server answers there"),
        ({"host": "no-such-host.invalid"}, "The host is not known"),
    ],
)
def test_a_server_that_is_not_there_is_explained(
    repository: MiniRepository,
    database_url: str,
    change: dict[str, Any],
    problem: str,
) -> None:
    url = make_url(database_url).set(password="secret", **change)
    code, _, errors = repository.alembic(
        "upgrade", "head", database_url=url.render_as_string(hide_password=False)
    )
    assert code == 1
    assert errors.startswith(problem)
    assert "***" in errors
    assert "secret" not in errors
    assert "Traceback" not in errors


@pytest.mark.requires("multi_session")
@pytest.mark.parametrize("change", [{"database": "no_such_database"}, {"username": "no_such_role"}])
def test_a_database_or_role_that_does_not_exist_is_explained(
    repository: MiniRepository,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
) -> None:
    url = make_url(database_url).set(**change)
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseConnectionError) as caught:
        command.upgrade(repository.config(), "head")
    assert "no_such" in str(caught.value)
    assert caught.value.hint
