"""Where each machine's last cycle ended.

What: silver.latest_cycle_state, filled from silver by one index probe a machine.
Why: a batch finds the predecessor of its first cycle without searching months of silver.
Risk: none.
Downgrade: the cache goes; silver has all of its values.
"""

from setu.chain.runner import sql_step

revision = "0303"
down_revision = "0302"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
