"""v2's silver beside v1's, and a trigger that migrates each new v1 row.

What: v2's silver tables and alert history in _stage, the triggers on v1's, and the list of chunks
  to backfill.
Why: v1 goes on until the swap; what it writes from here on must not have to be looked for.
Risk: v1's silver tables and alerting.history take no writes while triggers are created on their
  chunks.
Downgrade: v1 alone; v2's rows are archived.
"""

from setu.chain.runner import sql_step

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
