"""Guards on master.

What: plants take names of regions as time zones, and a refusal suggests the right one; updated_at
    is set when a row changes; device_info.is_assigned follows the machines.
Why: columns that no trigger maintains are soon wrong.
Risk: none.
Downgrade: the guards go.
"""

from setu.chain.runner import sql_step

revision = "0113"
down_revision = "0112"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
