"""Counts the chunks that v1 changed just before the swap.

What: per table and chunk that was not counted before the swap, the numbers of setu report.
Why: the swap does not count under its lock.
Risk: reads both tables chunk by chunk; no locks.
Downgrade: the numbers stay until v1 is live.
"""

from setu.chain.runner import sql_step

revision = "0109"
down_revision = "0108"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
