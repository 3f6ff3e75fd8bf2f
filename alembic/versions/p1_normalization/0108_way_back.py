"""Functions that translate v2's rows back to v1's.

What: the functions of the way back.
Why: what arrives under v2 must be able to go back. They are made after the swap, so that its lock
  is short.
Risk: none.
Downgrade: migrates the rows that arrived under v2 into v1's archived tables, chunk by chunk, so
  that the swap back is short.
"""

from setu.chain.runner import sql_step

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
