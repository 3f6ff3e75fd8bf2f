"""Shifts by plant and wall clock.

What: master.fn_get_shift and fn_get_shift_id, which answer from the shift calendar.
Why: v1's get_shift_id knew neither the company nor the time zone.
Risk: none.
Downgrade: they go; v1's function comes back with the swap.
"""

from setu.chain.runner import sql_step

revision = "0304"
down_revision = "0303"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
