"""The calendar, and the calendar of shifts.

What: master.calendar for the years that silver spans and two ahead; master.shift_calendar with the
    shifts of each plant's dates, for silver's history and 60 days ahead; breaks and days off.
Why: reports by week and month; past days keep their shifts when definitions change, and their plant
    when a machine moves.
Risk: none.
Downgrade: the calendar is archived; 0104 archives the shift calendar, breaks and days off.
"""

from setu.chain.runner import sql_step

revision = "0110"
down_revision = "0109"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
