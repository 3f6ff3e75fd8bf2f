"""The calendar.

What: master.calendar, filled for the years that silver spans and two ahead.
Why: reports by week and month.
Risk: none.
Downgrade: it is archived.
"""

from setu.chain.runner import handover

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

upgrade, downgrade = handover(__file__)
