"""v2's master tables beside v1's, filled and kept in step.

What: companies, plants, device_info, machine_info, plant_machine_mapping, shift_definitions,
  downtime_codes, machine_assets, production_targets, users, alert rules, subscriptions and active
  alerts in _stage, with integer keys; triggers on v1's tables migrate each change.
Why: keys must exist before any row can be migrated to them.
Risk: v1's master, config and active_alerts tables take no writes while some thousands of rows are
  copied. Readers notice nothing.
Downgrade: v1 alone; v2's rows and keys are archived, and are the same ones after another
  upgrade.
"""

from setu.chain.runner import sql_step

revision = "0101"
down_revision = "0001"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
