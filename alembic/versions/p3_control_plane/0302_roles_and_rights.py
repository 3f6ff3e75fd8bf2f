"""Four roles, and nothing for PUBLIC.

What: setu_ingest, setu_etl, setu_reader and setu_admin with their rights, without passwords.
Why: a sink can only add rows, a job only load them, a reader only read, an admin only register.
Risk: whoever read these schemas as PUBLIC no longer can: grant setu_reader.
Downgrade: rights and roles go, and passwords that were set by hand with them; a role that another
  database uses stays.
"""

from setu.chain.runner import sql_step

revision = "0302"
down_revision = "0301"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
