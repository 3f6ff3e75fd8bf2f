"""Old chunks go to the column store.

What: bronze after 7 days, silver after 14, each by its own policy.
Why: compressed chunks need a fraction of the disk.
Risk: none now; nothing is compressed during the upgrade.
Downgrade: the policies go; compressed chunks stay compressed.
"""

from setu.chain.runner import sql_step

revision = "0502"
down_revision = "0501"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
