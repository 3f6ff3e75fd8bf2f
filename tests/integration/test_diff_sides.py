"""``setu diff A B``: every kind of side, each against another that has the same schema."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from setu.chain.releases import write_release
from setu.cli.main import app, load_commands
from setu.errors import SetuError
from setu.review.expected import freeze_catalog
from tests.chain import HEAD, Chain, chain_on
from tests.servers.at_hand import Server
from tests.v1 import ROOT

GONE = "_etl/Views/v_error_rate.sql"


@pytest.fixture(scope="module")
def head(server: Server) -> Iterator[Chain]:
    """A database at the head of the chain."""
    with chain_on(server) as chain:
        chain.upgrade()
        yield chain


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this repository in git: released as 2.0, tagged, and a view dropped since."""
    for folder in ("alembic", "schema", "schema_new", "sql"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "alembic.ini", tmp_path)
    monkeypatch.chdir(tmp_path)
    write_release(tmp_path, "2.0")
    freeze_catalog(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Release 2.0")
    git(tmp_path, "tag", "v2.0-as-shipped")
    (tmp_path / "schema_new" / GONE).unlink()
    if not app.registered_commands:
        load_commands(app)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def diff(left: str, right: str, *options: str) -> tuple[int, list[str]]:
    """The exit code, and the titles of the changes."""
    arguments = ["diff", left, right, "--format", "json", *options]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    changes = json.loads(result.stdout)["changes"]
    return result.exit_code, [f"{c['action']} {c['kind']} {c['name']}" for c in changes]


DROPPED = (2, ["drop view _etl.v_error_rate"])


@pytest.mark.parametrize(
    "side", ["v2.0-as-shipped", "HEAD", "HEAD:schema_new", "2.0", "v2.0", HEAD, "copy"]
)
def test_a_tag_a_git_revision_and_a_release_are_held_against_a_folder(
    repository: Path, side: str
) -> None:
    if side == "copy":
        shutil.copytree(ROOT / "schema_new", repository / "copy")
    assert diff(side, "schema_new") == DROPPED
    assert diff("schema_new", side) == (2, ["add view _etl.v_error_rate"])
    assert diff(side, "HEAD") == (0, [])


def test_a_commit_is_held_against_the_one_before_it(repository: Path) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Drop a view")
    commit = git(repository, "rev-parse", "--short", "HEAD~1")
    assert diff(commit, "HEAD") == DROPPED
    assert diff("HEAD~1:schema", "HEAD:schema") == (0, [])


def test_a_release_is_not_taken_for_a_tag_of_its_name(repository: Path) -> None:
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "Drop a view")
    git(repository, "tag", "v2.0")
    # The tag is on the wrong commit; the release has its own files.
    assert diff("v2.0", "schema_new") == DROPPED
    assert diff("v2.0:schema_new", "schema_new") == (0, [])


def test_a_database_and_a_catalog_file_are_sides(
    head: Chain, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edition = f"edition={'community' if head.community else 'apache'}"
    file = repository / "head.json"
    monkeypatch.setenv("DATABASE_URL", head.url)
    taken = CliRunner().invoke(
        app, ["catalog", "snapshot", "--out", str(file)], catch_exceptions=False
    )
    assert taken.exit_code == 0
    for side in (head.url, str(file), "head.json"):
        assert diff("2.0", side, "-x", edition) == (0, []), side
        assert diff(side, "2.0", "-x", edition) == (0, []), side
        assert diff(side, "schema_new", "-x", edition)[0] == 2
        assert diff(side, str(file), "-x", edition) == (0, [])
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    [at] = [i for i, line in enumerate(lines) if '"column master.plants.timezone"' in line]
    lines[at] = lines[at].replace("'Asia/Kolkata'::text", "'UTC'::text")
    altered = "".join(lines)
    (repository / "altered.json").write_text(altered, encoding="utf-8")
    code, changes = diff(head.url, "altered.json")
    assert code == 2
    assert changes == ["change column master.plants.timezone"]


def test_a_kind_is_left_out_where_it_is_asked_for(repository: Path) -> None:
    assert diff("2.0", "schema_new", "--ignore", "view", "--ignore", "privilege", "--ignore",
                "column") == (0, [])  # fmt: skip


@pytest.mark.parametrize("side", ["nowhere", "nowhere.json", "HEAD:nowhere", "9.9", "9999", "--"])
def test_what_is_no_side_is_an_error_and_no_difference(repository: Path, side: str) -> None:
    with pytest.raises(SetuError, match="nothing that can be compared"):
        CliRunner().invoke(app, ["diff", "--", side, "schema_new"], catch_exceptions=False)


def test_a_file_that_is_no_catalog_is_an_error(repository: Path) -> None:
    (repository / "other.json").write_text("{}", encoding="utf-8")
    (repository / "other.bin").write_bytes(b"\xff\xfe")
    for name in ("other.json", "other.bin"):
        with pytest.raises(SetuError, match=f"{name} is no catalog snapshot that can be read"):
            CliRunner().invoke(app, ["diff", name, "schema_new"], catch_exceptions=False)


@pytest.mark.parametrize("side", ["docs", "HEAD:docs"])
def test_a_folder_without_sql_is_an_error_and_not_all_dropped(repository: Path, side: str) -> None:
    (repository / "docs").mkdir()
    (repository / "docs" / "why.md").write_text("why", encoding="utf-8")
    git(repository, "add", "docs")
    git(repository, "commit", "-qm", "docs")
    with pytest.raises(SetuError, match=f"^{side} is a folder without SQL files of a schema"):
        CliRunner().invoke(app, ["diff", "schema_new", side], catch_exceptions=False)


def test_a_side_that_is_empty_is_not_the_whole_repository(repository: Path) -> None:
    with pytest.raises(SetuError, match="A side of the comparison is empty"):
        CliRunner().invoke(app, ["diff", "", "schema_new"], catch_exceptions=False)


def test_a_database_that_is_not_there_is_an_error_and_its_password_is_not_shown(
    repository: Path,
) -> None:
    with pytest.raises(SetuError) as caught:
        CliRunner().invoke(
            app,
            ["diff", "postgresql://nobody:secret@127.0.0.1:1/none", "schema_new"],
            catch_exceptions=False,
        )
    assert "secret" not in str(caught.value)
