"""The indexes of the sweep.

What: (id, time DESC) on each flat table.
Why: the sweep reads the next ids, with a bound on time that excludes chunks.
Risk: none: the tables are empty and refuse rows until then. Archived hypertables come back.
Downgrade: the hypertables are archived whole; empty ones that refuse rows take their place.
"""

from setu.chain.runner import sql_step

revision = "0204"
down_revision = "0203"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
