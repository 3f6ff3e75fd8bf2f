"""The control plane's tables.

What: _etl.watermarks, fence_readings, job_runs, rejected_rows, and the tables for corrections and
  settings.
Why: loads need a record of what was loaded, up to where, and what was rejected.
Risk: none: new tables.
Downgrade: the tables are archived with their rows.
"""

from setu.chain.runner import sql_step

revision = "0301"
down_revision = "0205"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
