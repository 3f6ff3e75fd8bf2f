"""Loads on schedule.

What: ten TimescaleDB actions every -x job_schedule, six seconds apart, owned by setu_etl; those of
  the shift calendar and the roll-up of shifts, and of alerts with -x run_alerts=yes.
Why: silver is at most a minute behind.
Risk: none. The Apache edition has no jobs: setu worker calls the same procedures.
Downgrade: the jobs go; a running one ends by itself.
"""

from setu.chain.runner import sql_step

revision = "0404"
down_revision = "0403"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
