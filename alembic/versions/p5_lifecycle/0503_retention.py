"""Bronze is kept 30 days, and longer where it is not loaded; silver as long as v1's.

What: _etl.sp_retain_bronze and its daily job; retention policies on silver, 1 year,
  machine_pm_status 2.
Why: TimescaleDB's policy reads only the clock, which is right for silver and wrong for bronze.
  Silver keeps v1's retention.
Risk: none now; the first run is on the next day.
Downgrade: the action and the policies go. Dropped rows of bronze had been loaded.
"""

from setu.chain.runner import sql_step

revision = "0503"
down_revision = "0502"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
