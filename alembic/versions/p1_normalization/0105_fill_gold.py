"""v2's aggregates computed, newest first.

What: the first refresh, in pieces of eight weeks, each its own transaction.
Why: what is not computed is read through to a whole history of silver.
Risk: load, no locks. Killed, it goes on where it stopped.
Downgrade: the aggregates keep their data.
"""

from setu.chain.runner import sql_step

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
