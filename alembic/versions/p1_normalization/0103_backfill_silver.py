"""Migrates v1's rows to v2, range by range, then the changes of v1 meanwhile.

What: triggers on v1's tables note which rows change; every row of v1, newest chunk first, each
  chunk its own transaction; then the notes. After a downgrade, only what v1 has changed since.
Why: 500 million rows in one transaction would hold back vacuum for hours, and a kill would lose
  all.
Risk: v1's writers wait while triggers are made, for milliseconds; then a statement costs a little
  more. Load: set -x backfill_pause to rest between chunks. After a kill it continues where it
  stopped.
Downgrade: v1's tables lose the triggers; the rows stay in v2's tables.
"""

from setu.chain.runner import sql_step

revision = "0103"
down_revision = "0102"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
