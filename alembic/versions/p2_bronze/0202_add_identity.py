"""Bronze ids come from an identity.

What: bronze.raw_machine_cycles.id GENERATED ALWAYS AS IDENTITY, CACHE 1, above every id of an earlier v2 period.
Why: the sweep goes by id and never takes one again.
Risk: none: the table is new.
Downgrade: a plain id column.
"""

from setu.runner import handover

revision = "0202"
down_revision = "0201"
branch_labels = None
depends_on = None

upgrade, downgrade = handover(__file__)
