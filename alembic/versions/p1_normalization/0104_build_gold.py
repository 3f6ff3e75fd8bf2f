"""v2's aggregates beside v1's.

What: eight continuous aggregates on integer keys in _stage.
Why: gold must be whole when the swap shows it.
Risk: none.
Downgrade: the aggregates are archived with their data.
"""

from setu.chain.runner import sql_step

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
