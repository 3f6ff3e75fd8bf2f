"""Alerting on integer keys.

What: the three procedures.
Why: v1's went with the swap.
Risk: none.
Downgrade: they go; v1's come back with the swap.
"""

from setu.chain.runner import sql_step

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
