"""The loads of the nine other facts.

What: _etl.sp_load_<fact> for each of them, its transform as a view, and its watermark.
Why: one statement loads them all; only the transform differs from fact to fact.
Risk: none.
Downgrade: the loads go; the watermarks stay where they are.
"""

from setu.chain.runner import sql_step

revision = "0403"
down_revision = "0402"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
