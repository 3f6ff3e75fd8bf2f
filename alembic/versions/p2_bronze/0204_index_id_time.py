"""The indexes of the sweep.

What: (id, time DESC) on each flat table.
Why: the next ids, with a bound on time that rules chunks out.
Risk: SHARE lock for the build; nobody writes to bronze before the upgrade is through.
Downgrade: no indexes.
"""

from setu.chain.runner import sql_step

revision = "0204"
down_revision = "0203"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
