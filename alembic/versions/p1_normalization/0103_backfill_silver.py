"""Migrates v1's rows to v2, range by range, then the changes of v1 meanwhile.

What: every row of v1, newest chunk first, each chunk its own transaction; then the notes. After a
  downgrade, only what v1 has changed since.
Why: 500 million rows in one transaction would hold back vacuum for hours, and a kill would lose
  all.
Risk: load, no locks: set -x backfill_pause to rest between chunks. After a kill it continues where
  it stopped.
Downgrade: the record of what was migrated; the rows themselves stay in v2's table.
"""

from setu.chain.runner import sql_step

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
