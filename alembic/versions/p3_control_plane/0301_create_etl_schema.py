"""The control plane's tables.

What: _etl.watermarks, fence_readings, job_runs and rejected_rows.
Why: what has been loaded, up to where, and what was refused must be known at any moment.
Risk: none: new tables.
Downgrade: the four tables are archived with their rows.
"""

from setu.chain.runner import sql_step

revision = "0301"
down_revision = "0205"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
