"""The load of machine cycles.

What: _etl.sp_load_machine_cycles, with stitching and the cache in one statement; its watermark.
Why: gaps between cycles are computed where the data is.
Risk: none.
Downgrade: the load goes; the watermark stays where it is.
"""

from setu.chain.runner import sql_step

revision = "0402"
down_revision = "0401"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
