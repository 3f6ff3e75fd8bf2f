"""Released steps are text that never changes; these tests plant each violation."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from setu.chain.releases import (
    FOLDER,
    first_release_end,
    read_releases,
    verify_released,
    write_release,
)
from setu.chain.repository import steps_to
from setu.chain.settings import Settings
from setu.chain.step import PARTS
from setu.errors import ChecksumError, ReleaseError
from setu.review.lint import lint
from tests.mini_repository import MiniRepository

STEMS = ("0001_first", "0002_second", "0003_third")
KEYS = [f"p0_baseline/{stem}/{part}" for stem in STEMS for part in PARTS]
INCLUDE = "-- @include schema_new/shared.sql#one"


@pytest.fixture
def repository(tmp_path: Path) -> MiniRepository:
    repository = MiniRepository(tmp_path)
    repository.write(
        "schema_new/shared.sql",
        "-- New: a test.\n-- @section one\n-- why\nSELECT current_setting('setu.batch_size');\n"
        "-- @section two\nSELECT 2;\n",
    )
    for stem in STEMS:
        repository.add(stem, up=f"{INCLUDE}\nSELECT '{stem}';", down=INCLUDE, verify=INCLUDE)
    return repository


def file_of(repository: MiniRepository, key: str) -> Path:
    return repository.root / "sql" / f"{key}.sql"


def test_without_a_release_nothing_is_frozen(repository: MiniRepository) -> None:
    assert verify_released(repository.root) == []
    assert first_release_end(repository.root) == "0003"


def test_a_release_writes_each_file_out_with_its_includes_pasted_in(
    repository: MiniRepository,
) -> None:
    before = {
        key: next(s for s in steps_to(repository.root) if s.name == key.rpartition("/")[0])
        .script("up" if key.endswith("/up") else "down" if key.endswith("/down") else "verify")
        .text
        for key in KEYS
    }
    release = write_release(repository.root, "2.0")
    assert (release.revision, list(release.files)) == ("0003", KEYS)
    for key in KEYS:
        assert file_of(repository, key).read_text(encoding="utf-8") == before[key]
        assert "@include" not in before[key]
    assert verify_released(repository.root) == [release]


def test_released_steps_need_neither_schema_nor_schema_new(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    shutil.rmtree(repository.root / "schema_new")
    verify_released(repository.root)
    texts = [s.text for s in steps_to(repository.root)[0].script("up").statements()]
    assert texts == ["SELECT current_setting('setu.batch_size')", "SELECT '0001_first'"]
    assert lint(repository.root) == []


def test_a_release_holds_only_what_was_not_released(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    repository.add("0101_fourth", up="SELECT 4;", folder="r2_1")
    release = write_release(repository.root, "2.1")
    assert release.steps == ["r2_1/0101_fourth"]
    assert [r.revision for r in read_releases(repository.root)] == ["0003", "0101"]
    assert first_release_end(repository.root) == "0003"


@pytest.mark.parametrize("key", KEYS)
def test_a_changed_released_file_is_named_wherever_it_stands(
    repository: MiniRepository, key: str
) -> None:
    write_release(repository.root, "2.0")
    with file_of(repository, key).open("a", encoding="utf-8") as file:
        file.write("SELECT 'planted';\n")
    with pytest.raises(ChecksumError) as caught:
        verify_released(repository.root)
    assert len(caught.value.context) == 1
    assert caught.value.context[0].startswith(f"sql/{key}.sql: released in 2.0 as ")
    assert "setu revision" in caught.value.hint
    [problem] = lint(repository.root)
    assert problem.startswith(f"sql/{key}.sql: released in 2.0 as ")


def test_a_comment_is_a_change_too(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    file = file_of(repository, KEYS[0])
    file.write_text(file.read_text(encoding="utf-8").replace("-- why: b", "-- why: c"), "utf-8")
    with pytest.raises(ChecksumError, match=r"0001_first/up\.sql"):
        verify_released(repository.root)


@pytest.mark.parametrize("key", KEYS)
def test_a_released_file_that_is_gone_is_named(repository: MiniRepository, key: str) -> None:
    write_release(repository.root, "2.0")
    file_of(repository, key).unlink()
    with pytest.raises(ChecksumError, match=rf"{key}\.sql: released in 2\.0, now gone"):
        verify_released(repository.root)


@pytest.mark.parametrize("key", ["version", "revision", "files", "settings", "sha256"])
@pytest.mark.parametrize("remove", [True, False])
def test_a_manifest_that_was_edited_is_refused(
    repository: MiniRepository, key: str, remove: bool
) -> None:
    write_release(repository.root, "2.0")
    path = repository.root / FOLDER / "2.0.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    if remove:
        del content[key]
    else:
        content[key] = {"x": "y"} if isinstance(content[key], dict) else "9"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ChecksumError, match=r"2\.0\.json"):
        verify_released(repository.root)


def test_a_released_step_that_left_its_place_in_the_chain_is_named(
    repository: MiniRepository,
) -> None:
    write_release(repository.root, "2.0")
    versions = repository.root / "alembic/versions/p0_baseline"
    third = versions / "0003_third.py"
    third.write_text(
        third.read_text(encoding="utf-8").replace(
            "down_revision = '0002'", "down_revision = '0009'"
        ),
        encoding="utf-8",
    )
    repository.write(
        "alembic/versions/p0_baseline/0009_between.py",
        (versions / "0002_second.py")
        .read_text(encoding="utf-8")
        .replace("revision = '0002'", "revision = '0009'")
        .replace("down_revision = '0001'", "down_revision = '0002'"),
    )
    with pytest.raises(ChecksumError, match=r"step 3 of the chain was released as .*0003_third"):
        verify_released(repository.root)


def test_windows_line_ends_do_not_break_a_release(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    for file in repository.root.rglob("*.sql"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    verify_released(repository.root)


@pytest.mark.parametrize("version", ["2", "v2.0", "2.0.0.1", "2.x", "", "../2.0"])
def test_a_version_is_numbers(repository: MiniRepository, version: str) -> None:
    with pytest.raises(ReleaseError, match="is not a version"):
        write_release(repository.root, version)


@pytest.mark.parametrize("version", ["2.0", "1.9", "1.10"])
def test_versions_rise(repository: MiniRepository, version: str) -> None:
    write_release(repository.root, "2.0")
    repository.add("0101_fourth", folder="r2_1")
    with pytest.raises(ReleaseError, match=r"does not come after 2\.0"):
        write_release(repository.root, version)


def test_versions_are_compared_as_numbers(repository: MiniRepository) -> None:
    write_release(repository.root, "2.9")
    repository.add("0101_fourth", folder="r2_10")
    write_release(repository.root, "2.10")
    assert [release.version for release in read_releases(repository.root)] == ["2.9", "2.10"]


def test_a_release_without_anything_new_is_refused(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    with pytest.raises(ReleaseError, match=r"nothing to release: 2\.0 ends in the head"):
        write_release(repository.root, "2.1")


def test_a_folder_is_released_as_the_version_that_it_bears(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    repository.add("0101_fourth", folder="r2_1")
    with pytest.raises(ReleaseError, match=r"r2_1 cannot be released as 3\.0") as caught:
        write_release(repository.root, "3.0")
    assert "Release them as 2.1" in caught.value.hint


def test_a_release_refuses_while_a_released_step_has_changed(repository: MiniRepository) -> None:
    write_release(repository.root, "2.0")
    repository.add("0101_fourth", folder="r2_1")
    file_of(repository, KEYS[0]).write_text("-- what: x\nSELECT 9;\n", encoding="utf-8")
    with pytest.raises(ChecksumError, match="has changed"):
        write_release(repository.root, "2.1")
    assert not (repository.root / FOLDER / "2.1.json").exists()


def test_a_release_records_the_defaults_that_its_steps_read(repository: MiniRepository) -> None:
    release = write_release(repository.root, "2.0")
    assert release.settings == {"batch_size": Settings().text("batch_size")}


def test_a_step_that_reads_an_unknown_setting_is_not_released(repository: MiniRepository) -> None:
    repository.add(
        "0004_fourth", up="DO $x$ BEGIN EXECUTE 'current_setting(''setu.no'')'; END $x$;"
    )
    with pytest.raises(ReleaseError, match=r"setu\.no, which does not exist"):
        write_release(repository.root, "2.0")


def test_a_released_step_keeps_the_default_of_its_release(repository: MiniRepository) -> None:
    recorded = {"batch_size": "50000", "gone_since": "1"}
    assert Settings().for_released(recorded) == {
        "setu.batch_size": "50000",
        "setu.gone_since": "1",
    }
    given = Settings({"batch_size": "7"})
    assert given.for_released(recorded) == {"setu.gone_since": "1"}
    same = {"batch_size": Settings().text("batch_size")}
    assert Settings().for_released(same) == {}
