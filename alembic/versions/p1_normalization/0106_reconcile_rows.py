"""Compares v1 and v2, and counts what became of every row of v1.

What: per table and chunk, keys that differ are migrated anew; rows of v1, migrated, merged, left
  out and rounded, in _archive.row_reconciliation. It stops on a key that still differs.
Why: changes that no trigger saw are found before the swap, and numbers show that no row was lost.
Risk: reads both tables chunk by chunk; no locks.
Downgrade: the numbers go.
"""

from setu.chain.runner import sql_step

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
