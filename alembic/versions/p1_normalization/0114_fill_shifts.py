"""The action that rolls up shifts, and the dates that are over since 0105.

What: gold.sp_roll_up fills gold.machine_shifts with dates that are over, a fortnight at a time.
Why: reports by shift read silver for dates that are not rolled up, date by date.
Risk: load, no locks. After a kill it continues where it stopped.
Downgrade: the action goes, what is rolled up stays.
"""

from setu.chain.runner import sql_step

revision = "0114"
down_revision = "0113"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
