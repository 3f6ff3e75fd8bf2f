"""What the roll-up of shifts needs.

What: functions that fill gold.machine_shifts, one row a machine, business date and shift, with
    days that are over; triggers on silver note late rows.
Why: a month of a plant is read in a second, exact, also right after a row came late.
Risk: none; reports read silver until 0115 has filled the table.
Downgrade: reports read silver. What is rolled up is archived with the swap.
"""

from setu.chain.runner import sql_step

revision = "0114"
down_revision = "0113"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
