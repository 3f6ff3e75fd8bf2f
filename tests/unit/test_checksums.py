"""Released steps are frozen; these tests plant each violation."""

from __future__ import annotations

from pathlib import Path

import pytest

from setu.chain.checksums import FILE, read_released, verify_released, write_released
from setu.chain.step import PARTS, Step
from setu.errors import ChecksumError

HEADER = "-- what: a\n-- why: b\n-- transaction: yes\n-- lock: none\n-- down: c\n\n"
STEMS = ("0001_first", "0002_second", "0003_third")
KEYS = [f"p0_test/{stem}/{part}" for stem in STEMS for part in PARTS]


@pytest.fixture
def steps(tmp_path: Path) -> list[Step]:
    steps = [Step(tmp_path, "p0_test", stem) for stem in STEMS]
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema/shared.sql").write_text("SELECT 1;\n", encoding="utf-8")
    for step in steps:
        step.directory.mkdir(parents=True)
        for part in PARTS:
            (step.directory / f"{part}.sql").write_text(
                f"{HEADER}-- @include schema/shared.sql\nSELECT '{step.stem} {part}';\n",
                encoding="utf-8",
            )
    return steps


def test_an_empty_or_missing_file_freezes_nothing(tmp_path: Path) -> None:
    verify_released(tmp_path)
    assert read_released(tmp_path) == {}


def test_releasing_writes_every_file_of_the_steps_once(steps: list[Step]) -> None:
    root = steps[0].root
    assert list(write_released(root, steps[:2])) == KEYS[:6]
    assert list(write_released(root, steps)) == KEYS[6:]
    assert list(read_released(root)) == KEYS
    verify_released(root)


@pytest.mark.parametrize("key", KEYS)
def test_a_changed_released_file_is_named_wherever_it_stands(steps: list[Step], key: str) -> None:
    root = steps[0].root
    write_released(root, steps)
    with (root / "sql" / f"{key}.sql").open("a", encoding="utf-8") as file:
        file.write("SELECT 'planted';\n")
    with pytest.raises(ChecksumError) as caught:
        verify_released(root)
    assert len(caught.value.context) == 1
    assert caught.value.context[0].startswith(f"{key}: ")
    assert "new revision" in caught.value.hint
    assert "pin the old text" in caught.value.hint


@pytest.mark.parametrize("key", KEYS)
def test_a_wrong_checksum_is_found_wherever_it_stands(steps: list[Step], key: str) -> None:
    root = steps[0].root
    write_released(root, steps)
    lines = (root / FILE).read_text(encoding="utf-8").splitlines()
    planted = [f"{'0' * 64}  {key}" if line.endswith(f"  {key}") else line for line in lines]
    assert planted != lines
    (root / FILE).write_text("\n".join(planted), encoding="utf-8")
    with pytest.raises(ChecksumError, match="may not change"):
        verify_released(root)


def test_a_changed_include_breaks_every_step_that_uses_it(steps: list[Step]) -> None:
    root = steps[0].root
    write_released(root, steps)
    (root / "schema/shared.sql").write_text("SELECT 2;\n", encoding="utf-8")
    with pytest.raises(ChecksumError) as caught:
        verify_released(root)
    assert len(caught.value.context) == len(KEYS)


def test_pinning_the_old_text_into_the_step_satisfies_the_checksum(steps: list[Step]) -> None:
    root = steps[0].root
    write_released(root, steps)
    (root / "schema/shared.sql").write_text("SELECT 2;\n", encoding="utf-8")
    for key in KEYS:
        file = root / "sql" / f"{key}.sql"
        pinned = file.read_text(encoding="utf-8").replace(
            "-- @include schema/shared.sql\n", "SELECT 1;\n"
        )
        file.write_text(pinned, encoding="utf-8")
    verify_released(root)


def test_a_released_file_that_is_gone_is_named(steps: list[Step]) -> None:
    root = steps[0].root
    write_released(root, steps)
    (steps[1].directory / "down.sql").unlink()
    with pytest.raises(ChecksumError, match=r"p0_test/0002_second/down: .* has no down\.sql"):
        verify_released(root)


def test_windows_line_ends_do_not_break_a_release(steps: list[Step]) -> None:
    root = steps[0].root
    write_released(root, steps)
    for file in root.rglob("*.sql"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    verify_released(root)


@pytest.mark.parametrize("line", ["abc  p0/0001_a/up", f"{'0' * 64} p0/0001_a/up", "p0/0001_a/up"])
def test_a_line_that_cannot_be_read_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / FILE).write_text(f"# head\n{line}\n", encoding="utf-8")
    with pytest.raises(ChecksumError, match=r"checksums\.txt:2 is not"):
        verify_released(tmp_path)


def test_a_name_that_stands_twice_is_refused(steps: list[Step]) -> None:
    root = steps[0].root
    write_released(root, steps)
    path = root / FILE
    text = path.read_text(encoding="utf-8")
    path.write_text(text + text.splitlines()[-1] + "\n", encoding="utf-8")
    with pytest.raises(ChecksumError, match="a second time"):
        verify_released(root)


def test_a_release_refuses_while_a_released_step_has_changed(steps: list[Step]) -> None:
    root = steps[0].root
    write_released(root, steps[:1])
    (steps[0].directory / "up.sql").write_text(f"{HEADER}SELECT 9;\n", encoding="utf-8")
    with pytest.raises(ChecksumError, match="may not change"):
        write_released(root, steps)
