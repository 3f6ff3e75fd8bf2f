"""Which steps a plan covers."""

from __future__ import annotations

from pathlib import Path

import pytest

from setu.errors import RevisionStateError
from setu.review.plan import way
from tests.mini_repository import MiniRepository


@pytest.mark.parametrize(
    ("text", "current", "part", "steps"),
    [
        ("head", None, "up", ["0900", "0100", "0500"]),
        ("", "0900", "up", ["0100", "0500"]),
        ("0900:0100", None, "up", ["0100"]),
        ("0900", "0500", "down", ["0500", "0100"]),
        ("base", "0100", "down", ["0100", "0900"]),
        ("0500", "0500", "up", []),
    ],
)
def test_a_plan_goes_by_the_chain_and_not_by_the_names_of_revisions(
    tmp_path: Path, text: str, current: str | None, part: str, steps: list[str]
) -> None:
    repository = MiniRepository(tmp_path)
    for stem in ("0900_first", "0100_second", "0500_third"):
        repository.add(stem)
    found = way(tmp_path, text, current)
    assert (found.part, [step.revision for step in found.steps]) == (part, steps)


def test_a_revision_that_the_chain_does_not_know_is_refused(tmp_path: Path) -> None:
    MiniRepository(tmp_path).add("0900_first")
    with pytest.raises(RevisionStateError, match="no revision 0100"):
        way(tmp_path, "0100", None)
    with pytest.raises(RevisionStateError, match="does not know"):
        way(tmp_path, "head", "0100")
