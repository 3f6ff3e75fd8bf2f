"""The meaning of each company's numbers of downtime codes.

What: master.downtime_code_mapping, filled from v1, and triggers that map new codes and companies.
Why: v2 has one catalogue of codes, and gateways go on sending the numbers of their company.
Risk: none: a few rows a company.
Downgrade: the mapping is archived; the way back reads it there.
"""

from setu.chain.runner import sql_step

revision = "0112"
down_revision = "0111"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
