"""Commits of sinks and loads do not wait for the disk.

What: synchronous_commit = off for setu_ingest and setu_etl.
Why: it was requested; a sink's transaction costs no flush.
Risk: a crash loses the commits of the last 600 ms together, but not Kafka's offset. See
  docs/lifecycle.md.
Downgrade: the server's setting.
"""

from setu.chain.runner import sql_step

revision = "0501"
down_revision = "0404"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
