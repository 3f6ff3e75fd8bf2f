"""The v1 schema, as production runs it today.

What: schemas master, silver, bronze, config, alerting and gold with all their objects, hypertables,
  retention and continuous aggregates included, from schema/.
Why: every later revision starts from it. A production database is stamped with it instead.
Risk: none: it needs a database without these schemas, and fails on one that has any.
Downgrade: to an empty database; it refuses while any v1 table holds rows.
"""

from setu.chain.runner import sql_step

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
