"""v2's master tables beside v1's, filled; v1's tables note changes.

What: companies, plants, device_info, machine_info, plant_machine_mapping, shift_definitions,
  downtime_codes, machine_assets, production_targets, users, alert rules, subscriptions and active
  alerts in _stage, with integer keys; triggers on v1's tables note each statement.
Why: keys must exist before any row can be migrated to them.
Risk: v1's writers wait while triggers are made, for milliseconds. Readers notice nothing.
Downgrade: v1 alone; v2's rows and keys are archived, and are the same ones after another
  upgrade.
"""

from setu.chain.runner import sql_step

revision = "0101"
down_revision = "0001"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
