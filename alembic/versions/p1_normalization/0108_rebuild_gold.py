"""Gold on integer keys.

What: continuous aggregates with their refresh policies, functions and views.
Why: v1's read v1's tables and are archived with them.
Risk: none: aggregates are made empty and read through to silver until their policies have filled
  them.
Downgrade: they go; v1's come back with the swap, with their data.
"""

from setu.chain.runner import sql_step

revision = "0108"
down_revision = "0107"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
