"""Flat, typed bronze tables.

What: ten tables, one for each fact table, in the types that a gateway's SQLite has.
Why: JSON costs its parse on every read and hides a wrong type until the load.
Risk: none: new tables.
Downgrade: the empty tables go; 0204 has archived their rows, and 0205 has handed back those not
  loaded.
"""

from setu.chain.runner import sql_step

revision = "0201"
down_revision = "0114"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
