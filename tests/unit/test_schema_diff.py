"""Both schemas against each other and against the change requests, without a server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from pglast import parser
from typer.testing import CliRunner

from setu.catalog.parsing.pieces import files_below
from setu.catalog.trees import parse
from setu.cli.main import app, load_commands
from setu.errors import SetuError
from setu.review.render import html, json_text, markdown, terminal
from setu.review.render.json import json_schema
from setu.review.render.terminal import summary
from setu.review.schema_diff import Review, review_schemas
from tests.v1 import ROOT


@cache
def review() -> Review:
    """The review of this repository."""
    return review_schemas(ROOT)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of both schemas and of the steps."""
    for folder in ("schema", "schema_new", "sql"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "alembic.ini").write_text("[alembic]\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "added", "said"),
    [
        (
            "schema_new/master/Tables/plants.sql",
            b"\nCREATE TABLE x (\n",
            r"sql:\d+ cannot be parsed",
        ),
        ("schema_new/master/Tables/plants.sql", b"-- \xe9", "plants.sql is not UTF-8"),
        ("schema/master/Tables/plants.sql", b"-- \xe9", "plants.sql is not UTF-8"),
        ("schema_new/unasked.txt", b"# \xe9", "unasked.txt is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    repository: Path, file: str, added: bytes, said: str
) -> None:
    with (repository / file).open("ab") as text:
        text.write(added)
    with pytest.raises(SetuError, match=said):
        review_schemas(repository)


@pytest.mark.parametrize(
    ("statement", "said", "hint"),
    [
        ("ALTER TABLE master.plants ALTER COLUMN gone SET NOT NULL",
         "column master.plants.gone, which no file makes", "Correct the name"),
        ("COMMENT ON TABLE master.gone IS 'x'",
         "table master.gone, which no file makes", "Correct the name"),
        ("CREATE INDEX ON master.gone (id)",
         "table master.gone, which no file makes", "Correct the name"),
        ("GRANT SELECT ON master.gone TO PUBLIC",
         "table master.gone, which no file makes", "Correct the name"),
        ("COMMENT ON FUNCTION master.gone() IS 'x'",
         "function master.gone, which no file makes", "Correct the name"),
        ("CREATE FUNCTION gold.f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
         "CREATE FUNCTION gold.f(a text) RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
         "COMMENT ON FUNCTION gold.f IS 'x'",
         "function gold.f, of which there are several", "Say its arguments' types"),
        ("CREATE TABLE gold.twice (a int); CREATE TABLE gold.twice (a int)",
         "makes table gold.twice, which an earlier statement has made", "Remove one of the two"),
    ],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_statement_on_what_no_file_makes_is_named_for_what_it_is(
    repository: Path, statement: str, said: str, hint: str
) -> None:
    (repository / "schema_new" / "zz.sql").write_text(f"{statement};\n", encoding="utf-8")
    with pytest.raises(SetuError, match=re.escape(said)) as error:
        review_schemas(repository)
    assert re.match(r"schema_new/zz\.sql:\d ", str(error.value))
    assert "without a server" not in str(error.value)
    assert error.value.hint is not None
    assert error.value.hint.startswith(hint)


def edit(repository: Path, file: str, before: str, after: str) -> None:
    """Replace text in a file, which must have it once."""
    path = repository / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{file} has {before!r} {text.count(before)} times"
    path.write_text(text.replace(before, after), encoding="utf-8")


def unexplained(found: Review) -> set[str]:
    """What is unexplained there and not here."""
    return {e.change.title for e in found.unexplained} - {
        e.change.title for e in review().unexplained
    }


def test_all_that_was_asked_for_is_done() -> None:
    assert [f"{request.text}: {request.problem}" for request in review().missing] == []


def test_all_that_was_not_asked_for_has_a_reason() -> None:
    assert [entry.change.title for entry in review().unexplained] == []
    assert review().problems == ()
    assert review().exit_code == 0


def test_each_change_has_a_class_a_reason_for_it_and_a_revision() -> None:
    for entry in review().changes:
        assert entry.change.risk in ("safe", "risky", "destructive")
        assert entry.change.why, entry.change.title
        assert entry.revision is not None, entry.change.title


def test_a_review_is_not_much_more_work_than_parsing_the_files() -> None:
    """0.4 s against 0.03 s of a processor; their proportion is the same on a busy machine."""
    files = [f for folder in ("schema", "schema_new") for f in files_below(ROOT / folder)]

    def work(run: Callable[[], object]) -> float:
        started = time.process_time()
        run()
        return time.process_time() - started

    parsing = work(lambda: [parser.parse_sql(file.text) for file in files])
    assert work(lambda: review_schemas(ROOT)) < 30 * parsing


def test_trees_are_the_same_whether_or_not_their_values_are_checked() -> None:
    files = [f for folder in ("schema", "schema_new") for f in files_below(ROOT / folder)]
    assert len(files) > 200
    for file in files:
        assert parse(file.text) == parser.parse_sql(file.text), file.name


def test_values_are_checked_again_after_parsing_also_what_cannot_be_parsed() -> None:
    with pytest.raises(parser.ParseError):
        parse("SELECT FROM FROM")
    [tree] = parse("SELECT 1")
    with pytest.raises(ValueError, match="Bad value for attribute"):
        tree.stmt_location = "nowhere"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("file", "before", "after", "problem"),
    [
        (
            "schema_new/master/Tables/companies.sql",
            "    pin_code text,\n",
            "",
            "master.companies: add column pin_code text: it is not there",
        ),
        (
            "schema_new/master/Tables/companies.sql",
            "    pin_code text,\n",
            "    pin_code integer,\n",
            "master.companies: add column pin_code text: type: asked text, found integer",
        ),
        (
            "schema_new/master/Tables/plants.sql",
            "    is_primary boolean NOT NULL DEFAULT false,\n",
            "    is_primary boolean NOT NULL DEFAULT true,\n",
            "master.plants: add column is_primary boolean NOT NULL DEFAULT false:"
            " default: asked FALSE, found TRUE",
        ),
    ],
)
def test_what_is_asked_and_not_done_is_missing(
    repository: Path, file: str, before: str, after: str, problem: str
) -> None:
    edit(repository, file, before, after)
    if not after:
        edit(
            repository, file, "COMMENT ON COLUMN master.companies.pin_code IS 'Postal code';\n", ""
        )
    found = review_schemas(repository)
    assert [f"{r.text}: {r.problem}" for r in found.missing] == [problem]
    assert found.exit_code == 2


def add_column(repository: Path) -> str:
    edit(
        repository,
        "schema_new/master/Tables/users.sql",
        "    full_name text,\n",
        "    full_name text,\n    nickname text,\n",
    )
    return "add column master.users.nickname"


def grant_to_public(repository: Path) -> str:
    path = repository / "schema_new/master/Tables/users.sql"
    with path.open("a", encoding="utf-8") as file:
        file.write("\nGRANT SELECT ON master.users TO PUBLIC;\n")
    return "add privilege table master.users to PUBLIC"


@pytest.mark.parametrize("plant", [add_column, grant_to_public], ids=lambda plant: plant.__name__)
def test_what_is_done_and_not_asked_needs_a_reason(
    repository: Path, plant: Callable[[Path], str]
) -> None:
    title = plant(repository)
    found = review_schemas(repository)
    assert unexplained(found) == {title}
    assert found.exit_code == 2
    with (repository / "schema_new/unasked.txt").open("a", encoding="utf-8") as file:
        action, kind, name = title.split(maxsplit=2)
        file.write(f"{action} {kind} {name}: Somebody wanted it\n")
    found = review_schemas(repository)
    assert unexplained(found) == set()
    assert [e.reason for e in found.unasked if e.change.title == title] == ["Somebody wanted it"]


def test_a_reason_that_explains_nothing_is_a_problem(repository: Path) -> None:
    with (repository / "schema_new/unasked.txt").open("a", encoding="utf-8") as file:
        file.write("add column master.users.nickname: Nobody added it\n")
    found = review_schemas(repository)
    assert any("explains nothing" in problem for problem in found.problems)
    assert found.exit_code == 2


def test_a_column_that_no_request_renames_is_dropped_and_added(repository: Path) -> None:
    edit(
        repository,
        "schema/silver/Tables/machine_alarms.sql",
        "-- change: rename column time TO event_time\n",
        "",
    )
    titles = {entry.change.title for entry in review_schemas(repository).changes}
    assert 'drop column silver.machine_alarms."time"' in titles
    assert "add column silver.machine_alarms.event_time" in titles


def test_only_what_another_text_means_is_a_change(repository: Path) -> None:
    edit(
        repository,
        "schema_new/master/Tables/users.sql",
        "    full_name text,\n",
        "    full_name   TEXT ,  -- as people say it\n",
    )
    assert json_text(review_schemas(repository)).count('"action"') == json_text(review()).count(
        '"action"'
    )


def test_the_summary_fits_on_one_screen() -> None:
    assert len(summary(review())) <= 24


def test_text_is_plain_and_no_wider_than_eighty_columns_unless_a_name_is() -> None:
    text = terminal(review())
    assert "\x1b" not in text
    for line in text.splitlines():
        assert len(line) <= 80 or len(line.split()) <= 2, line


def test_text_names_every_object_whole() -> None:
    text = "".join(terminal(review()).split())
    for entry in review().changes:
        assert "".join(entry.change.whole.name.split()) in text


def test_json_fits_its_schema_and_is_stable() -> None:
    document = json.loads(json_text(review()))
    jsonschema.validate(document, json_schema())
    assert document["format"] == 1
    assert json_text(review()) == json_text(review_schemas(ROOT))


def test_markdown_fits_into_a_pull_request() -> None:
    text = markdown(review())
    assert len(text) < 65_536
    assert "| asked and done |" in text


def test_the_page_needs_nothing_but_itself() -> None:
    page = html(review())
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", page.split("<main>")[0])
    assert page.count('<details class="change"') == len(review().changes)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_the_filter_works_in_a_browser(tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    page.write_text(html(review()), encoding="utf-8")
    drawn = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
         f"--user-data-dir={tmp_path / 'profile'}",
         f"{page.as_uri()}#risk=destructive&text=users"],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    wanted = [
        e
        for e in review().changes
        if e.change.risk == "destructive" and "users" in str(e.change.whole)
    ]
    assert f"{len(wanted)} of {len(review().changes)} shown" in drawn
    assert drawn.count('hidden=""') == len(review().changes) - len(wanted)


def test_the_command_says_by_its_exit_code_how_it_went(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not app.registered_commands:
        load_commands(app)
    monkeypatch.chdir(repository)
    add_column(repository)
    assert CliRunner().invoke(app, ["schema-diff"]).exit_code == 2
    edit(repository, "schema/master/Tables/users.sql", "-- change: drop constraint users_pkey\n",
         "-- change: lose constraint users_pkey\n")  # fmt: skip
    failed = CliRunner().invoke(app, ["schema-diff"])
    assert failed.exit_code == 1
    assert "lose constraint" in str(failed.exception)
