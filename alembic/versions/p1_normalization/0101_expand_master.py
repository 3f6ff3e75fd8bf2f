"""v2's master tables beside v1's, filled.

What: companies, plants, device_info, machine_info, plant_machine_mapping, shift_definitions,
  downtime_codes, machine_assets, production_targets, users, alert rules, subscriptions and active
  alerts in _stage, with integer keys.
Why: keys must exist before any row can be migrated to them.
Risk: none: v1's tables are read. 0103 makes the triggers that note what changes in them.
Downgrade: v1 alone; v2's rows and keys are archived, and are the same ones after another
  upgrade.
"""

from setu.chain.runner import sql_step

revision = "0101"
down_revision = "0001"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
