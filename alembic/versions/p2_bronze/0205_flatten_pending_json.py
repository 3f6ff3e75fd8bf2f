"""Unprocessed payloads into bronze; v1's bronze tables are archived.

What: payloads that are pending, claimed or failed become bronze rows; those that cannot be read are
  kept with the reason; raw_telemetry, dead_letter_queue and migration_metadata are archived in
  _archive.
Why: no JSON is left on the way in, and no waiting payload is lost.
Risk: raw_telemetry takes no writes from here on: point the sinks at the bronze tables after the
  upgrade.
Downgrade: the tables with their rows; payloads that v2 has loaded are marked processed, rejected
  rows become dead letters.
"""

from setu.chain.runner import sql_step

revision = "0205"
down_revision = "0204"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
