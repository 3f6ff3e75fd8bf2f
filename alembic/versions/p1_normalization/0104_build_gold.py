"""v2's aggregates beside v1's, and what the roll-up of shifts needs.

What: eight continuous aggregates on integer keys in _stage; tables and functions of the roll-up and
    of the shift calendar; triggers on v2's silver that note which days change.
Why: gold must be whole when the swap shows it.
Risk: none.
Downgrade: aggregates, rolled-up shifts and the shift calendar are archived with their data. After a
    way back to v1, only dates are rolled up again that may have changed.
"""

from setu.chain.runner import sql_step

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
