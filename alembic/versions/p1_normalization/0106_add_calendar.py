"""The calendar.

What: master.calendar, filled for the years that silver spans and two ahead.
Why: reports by week and month.
Risk: none.
Downgrade: it is archived.
"""

from setu.chain.runner import sql_step

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
