"""One short transaction in which v2 takes v1's names.

What: v2's tables and aggregates to master, config, alerting, silver and gold; v1's, with their jobs
  paused, to _archive, with v1's code and views.
Why: readers see v1 or v2, never half of each, and gold is always there.
Risk: exclusive locks on v1's tables for renames only, or it gives up within lock_timeout and tries
  again: v1's sessions are never the ones that fail. Stop v1's writers, or they fail: their
  procedures are gone after it.
Downgrade: v1's tables, aggregates, code and views as they were, and in them the rows that arrived
  under v2, translated. It refuses where v1 cannot hold a row of v2, and names it.
"""

from setu.chain.runner import sql_step

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
