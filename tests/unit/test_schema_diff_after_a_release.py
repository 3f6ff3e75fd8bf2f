"""After v2.0 the change requests go on to speak of v2.0, whatever is edited later."""

from __future__ import annotations

from pathlib import Path

from setu.chain.releases import write_release
from setu.review.expected import freeze_catalog
from setu.review.schema_diff import review_schemas
from tests.second_release import Copy


def test_what_comes_after_the_release_is_not_held_against_the_requests(tmp_path: Path) -> None:
    copy = Copy.of_this(tmp_path)
    before = {entry.change.title for entry in review_schemas(copy.root).changes}
    write_release(copy.root, "2.0")
    freeze_catalog(copy.root)
    copy.edit(
        "schema_new/silver/Tables/machine_energy.sql",
        (
            "    total_energy numeric(12, 3),\n",
            "    total_energy numeric(12, 3),\n    phase text,\n",
        ),
    )
    assert {entry.change.title for entry in review_schemas(copy.root).changes} == before
