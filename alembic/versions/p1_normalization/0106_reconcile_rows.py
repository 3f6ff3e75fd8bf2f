"""v1 and v2 compared, and what became of every row of v1 counted.

What: per table and chunk, keys that differ are migrated anew; rows of v1, migrated, merged, left
  out and rounded, in _archive.row_reconciliation. It stops on a key that goes on to differ.
Why: what went past the triggers is found before the swap, and that nothing was lost is shown with
  numbers, at full size.
Risk: reads both tables chunk by chunk; no locks.
Downgrade: the numbers go.
"""

from setu.chain.runner import sql_step

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
