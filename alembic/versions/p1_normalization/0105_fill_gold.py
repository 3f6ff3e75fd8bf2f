"""Fills v2's aggregates and the roll-up of shifts, newest first.

What: the first refresh, in pieces of eight weeks; business dates that are over are rolled up, a
    fortnight at a time. Each piece is its own transaction.
Why: a view reads what is not filled from the whole history of silver.
Risk: load, no locks. After a kill it continues where it stopped.
Downgrade: aggregates and rolled-up shifts keep their data.
"""

from setu.chain.runner import sql_step

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
