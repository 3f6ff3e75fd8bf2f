"""Fills v2's aggregates, newest first.

What: the first refresh, in pieces of eight weeks, each its own transaction.
Why: a view reads buckets that are not filled from the whole history of silver.
Risk: load, no locks. After a kill it continues where it stopped.
Downgrade: the aggregates keep their data.
"""

from setu.chain.runner import sql_step

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
