"""The skeleton of every load.

What: the fence, the batch, the rejects, the run log, and the views that show them.
Why: written once, so that pipelines cannot differ in what makes them exact.
Risk: none.
Downgrade: code and views go; the rows they wrote stay.
"""

from setu.chain.runner import sql_step

revision = "0401"
down_revision = "0305"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
