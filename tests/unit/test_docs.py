"""The documents: links and anchors that lead somewhere, a dictionary that is up to date, a site."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

from setu.catalog.model import Catalog
from setu.ops.chunk_interval import DEFAULT_ROW_BYTES, chunk_seconds, parse_bytes, rounded_down
from setu.review.dictionary import markdown, picture, tables_of, undescribed
from setu.review.sides import folder_catalog

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for folder in (".", "docs", "sql", "schema", "schema_new", "tests", "deploy")
    for path in (ROOT / folder).glob("*.md")
)
#: What a column that measures something has to say of its unit.
UNITS = re.compile(
    r"[Ss]econds|kWh|kg CO2|[Pp]ieces|[Pp]arts|[Pp]oints|[Rr]ows|[Cc]ycles|[Ss]tops|[Tt]ransactions"
    r"|[Rr]eadings|[Nn]umber|[Rr]ating|Of these|How many|currency|[Bb]ytes"
)
MEASURES = re.compile(
    r"(_sec|_energy|_count|_per_hour|_per_kwh|_factor|_threshold|load_unload|cycle_time|_rows"
    r"|seconds|_consumption|_consumed_kwh|_(servo|spindle)_load|_(operating|on|cutting|production)_time"
    r"|_time_sec|_unload_total|_unload_exceeded|_bytes|_behind|_age_seconds"
    r"|total_(stops|cycles|parts|rejects|chunks))$"
    r"|^(pot|ot|ct|parts|rejects|stops|cycles|target|batch_size|batches|rows_\w+|chunks_\w+"
    r"|rating_value|run_time_sec|carbon_emission_factor)$"
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return folder_catalog(ROOT / "schema_new")


def anchors_of(text: str) -> set[str]:
    """The anchors of a page's titles, as the site and repositories make them."""
    titles = re.findall(
        r"^#+ (.+?)\s*$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M
    )
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(page: Path) -> list[str]:
    """Links of a page that lead to no file, or to no title of it."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = (page.parent / unquote(name)).resolve() if name else page
        if not to.exists() or (anchor and anchor not in anchors_of(to.read_text(encoding="utf-8"))):
            dead.append(target)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_and_no_anchor_is_dead(page: Path) -> None:
    assert dead_links(page) == []


@pytest.mark.parametrize("planted", ["nowhere.md", "a.md#nowhere", "#nowhere"])
def test_a_dead_link_is_found(tmp_path: Path, planted: str) -> None:
    page = tmp_path / "a.md"
    page.write_text(f"# Here\n\n[there]({planted}) [here](#here)\n", encoding="utf-8")
    assert dead_links(page) == [planted]


def build(folder: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a folder, strictly."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(into)],
        cwd=folder,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_site_is_built_strictly_and_asks_no_other_server(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stderr
    start = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "pictures/road.svg" in start
    assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!squidfunk)', start)


@pytest.mark.parametrize("planted", ["[x](nowhere.md)", "[x](operations.md#nowhere)"])
def test_the_site_is_not_built_with_a_dead_link(tmp_path: Path, planted: str) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    page = tmp_path / "docs/index.md"
    page.write_text(page.read_text(encoding="utf-8") + f"\n{planted}\n", encoding="utf-8")
    assert build(tmp_path, tmp_path / "site").returncode != 0


def test_every_table_and_view_and_each_column_says_what_it_holds(catalog: Catalog) -> None:
    tables = tables_of(catalog)
    assert {table.name for table in tables} == {
        key.name for key in catalog.objects if key.kind in ("table", "view")
    }
    assert len([table for table in tables if table.is_view]) > 40
    assert undescribed(tables) == []


def test_continuous_aggregates_are_in_the_dictionary(catalog: Catalog) -> None:
    page = markdown(tables_of(catalog))
    aggregates = [key.name for key in catalog.objects if key.kind == "continuous aggregate"]
    assert len(aggregates) == 8
    assert [name for name in aggregates if f"\n### {name}\n" not in page] == []


def test_what_measures_something_says_its_unit(catalog: Catalog) -> None:
    numbers = ("integer", "bigint", "smallint", "double precision", "numeric")
    without = [
        f"{table.name}.{column.name}: {column.comment}"
        for table in tables_of(catalog)
        for column in table.columns
        if MEASURES.search(column.name)
        # Files do not tell the types of a view's columns.
        and (table.is_view or column.type.startswith(numbers))
        and not UNITS.search(column.comment)
    ]
    assert without == []


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("master/Tables/plants.sql", "master.plants.plant_city"),
        ("gold/Views/v_oee_dashboard.sql", "gold.v_oee_dashboard.oee"),
        (
            "gold/Continuous Aggregates/hourly_energy_stats.sql",
            "gold.hourly_energy_stats.avg_servo_load",
        ),
        ("_etl/Views/v_last_run.sql", "_etl.v_last_run.seconds"),
    ],
)
def test_a_column_without_a_comment_is_found(file: str, column: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "schema_new", tmp_path / "schema_new")
    path = tmp_path / "schema_new" / file
    text, found = re.subn(
        rf"(-- @community\n)?COMMENT ON COLUMN {re.escape(column)} IS\s+'.*?';\n",
        "",
        path.read_text(encoding="utf-8"),
        flags=re.S,
    )
    assert found == 1
    path.write_text(text, encoding="utf-8")
    assert undescribed(tables_of(folder_catalog(tmp_path / "schema_new"))) == [column]


def test_the_dictionary_and_its_picture_are_what_the_command_makes(catalog: Catalog) -> None:
    tables = tables_of(catalog)
    hint = "run: setu catalog dictionary"
    assert (ROOT / "docs/dictionary.md").read_text(encoding="utf-8") == markdown(tables), hint
    assert (ROOT / "docs/pictures/er.svg").read_text(encoding="utf-8") == picture(tables), hint


def test_the_arithmetic_of_the_chunk_width_is_that_of_the_command() -> None:
    page = (ROOT / "docs/sizing.md").read_text(encoding="utf-8")
    seconds = chunk_seconds(parse_bytes("32GB"), 1000, DEFAULT_ROW_BYTES)
    assert f"{DEFAULT_ROW_BYTES:.0f} bytes" in page
    assert f"{seconds / 86_400:.2f} days = {seconds / 3600:.1f} hours" in page
    assert f"rounded down: {rounded_down(seconds)}" in page
    assert rounded_down(chunk_seconds(parse_bytes("64GB"), 1000, DEFAULT_ROW_BYTES)) == "1 day"
