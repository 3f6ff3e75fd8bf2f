"""Bronze ids come from an identity.

What: the ids of the flat tables GENERATED ALWAYS AS IDENTITY, CACHE 1, above every id of an
  earlier v2 period.
Why: the sweep goes by id and never takes one again.
Risk: none: the tables are new.
Downgrade: plain id columns.
"""

from setu.chain.runner import sql_step

revision = "0202"
down_revision = "0201"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
