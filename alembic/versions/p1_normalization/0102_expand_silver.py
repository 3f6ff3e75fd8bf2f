"""v2's silver beside v1's, empty, and what migrates rows to it.

What: v2's silver tables and alert history in _stage, the views that show v1's rows as v2 holds
  them, and the functions that note and migrate rows.
Why: v1 goes on as it was while v2's tables are filled.
Risk: none: v1's tables are not touched.
Downgrade: v2's rows are archived.
"""

from setu.chain.runner import sql_step

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
