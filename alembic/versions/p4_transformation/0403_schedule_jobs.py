"""Loads on schedule.

What: a TimescaleDB action every -x job_schedule, owned by setu_etl.
Why: silver is at most a minute behind.
Risk: none. The Apache edition has no jobs: setu worker calls the same procedure.
Downgrade: the job goes; a run that is under way ends by itself.
"""

from setu.runner import handover

revision = "0403"
down_revision = "0402"
branch_labels = None
depends_on = None

upgrade, downgrade = handover(__file__)
