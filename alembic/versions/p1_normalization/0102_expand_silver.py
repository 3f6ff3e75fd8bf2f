"""v2's silver beside v1's, and a trigger that carries each new v1 row over.

What: silver.machine_cycles of v2 in _stage, the trigger on v1's, and the list of chunks to backfill.
Why: v1 goes on until the swap; what it writes from here on must not have to be looked for.
Risk: v1's silver.machine_cycles takes no writes while the trigger is created on its chunks.
Downgrade: v1 alone; v2's cycles sleep in _archive.
"""

from setu.runner import handover

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None

upgrade, downgrade = handover(__file__)
