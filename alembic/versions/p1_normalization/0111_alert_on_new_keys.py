"""Alerting on integer keys.

What: the procedures, the rules that they cannot evaluate, and when they last ran.
Why: v1's went with the swap.
Risk: none.
Downgrade: the procedures go, the tables are archived; v1's procedures come back with the swap.
"""

from setu.chain.runner import sql_step

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
