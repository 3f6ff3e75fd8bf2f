"""v2's silver beside v1's; v1's tables note which rows change.

What: v2's silver tables and alert history in _stage, the views that show v1's rows as v2 holds
  them, and triggers on v1's tables that write machine and time of each changed row to a table for
  which no session can wait.
Why: v1 goes on until the swap; its changes from here on are noted instead of searched for.
Risk: v1's writers wait while triggers are made, for milliseconds; then a statement costs a little
  more.
Downgrade: v1 alone; v2's rows and the notes left are archived.
"""

from setu.chain.runner import sql_step

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
