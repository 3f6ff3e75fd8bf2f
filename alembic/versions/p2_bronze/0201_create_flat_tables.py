"""Flat, typed bronze tables.

What: ten tables, one for each fact table, in the types that a gateway's SQLite has.
Why: JSON costs its parse on every read and hides a wrong type until the load.
Risk: none: new tables.
Downgrade: rows that were not loaded go back to v1 as pending payloads, and are archived as
  they are.
"""

from setu.chain.runner import sql_step

revision = "0201"
down_revision = "0114"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
