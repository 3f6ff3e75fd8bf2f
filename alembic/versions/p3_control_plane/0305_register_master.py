"""Registration of master data.

What: functions that register, move and retire companies, plants, gateways, machines, shifts and
  downtime codes, for role setu_admin, and a view that lists them.
Why: with plain SQL one company's machine gets into another's plant, and a machine cannot have the
  number that its gateway sends already.
Risk: none.
Downgrade: they go; what was registered stays.
"""

from setu.chain.runner import sql_step

revision = "0305"
down_revision = "0304"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
