"""A downgrade to v1 after its rows were dropped: refused before the first step, not half way."""

from __future__ import annotations

from sqlalchemy import Connection

from setu.preflight.findings import Finding, Plan

# The step whose downgrade is the first to need v1's rows.
NEEDS_ARCHIVE = "0205"


def dropped_archive(connection: Connection, plan: Plan) -> list[Finding]:
    """A finding when the plan goes below what v2 can reach without v1's rows."""
    if plan.upgrades or plan.place(plan.target) >= plan.place(NEEDS_ARCHIVE):
        return []
    dropped = connection.exec_driver_sql(
        "SELECT to_regclass('_archive.dropped_tables') IS NOT NULL"
    ).scalar_one()
    if not dropped:
        return []
    return [
        Finding(
            "v1's rows are no longer in _archive, so there is no way back to v1.",
            ["setu archive drop was run; _archive.dropped_tables says when and by whom"],
            f"stay at {NEEDS_ARCHIVE} or above, or restore a backup from before",
        )
    ]
