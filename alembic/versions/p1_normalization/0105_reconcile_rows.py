"""What became of every row of v1, counted.

What: per table and chunk: rows of v1, migrated, merged, left out and rounded, in
  _archive.row_reconciliation; stops on one that is none of these.
Why: that nothing was lost is shown with numbers, at full size.
Risk: reads both tables chunk by chunk; no locks.
Downgrade: migrates the rows that arrived under v2 into v1's archived tables, chunk by chunk, so
  that the swap back is short.
"""

from setu.chain.runner import sql_step

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
