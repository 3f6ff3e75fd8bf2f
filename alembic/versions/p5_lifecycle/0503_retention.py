"""Bronze is kept 30 days, and longer where it is not loaded.

What: _etl.sp_retain_bronze and its daily job.
Why: TimescaleDB's policy looks at the clock alone.
Risk: none now.
Downgrade: the action goes. What it dropped had been loaded before.
"""

from setu.chain.runner import sql_step

revision = "0503"
down_revision = "0502"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
