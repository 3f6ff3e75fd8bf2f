"""Four roles, and nothing for PUBLIC.

What: setu_ingest, setu_etl, setu_reader and setu_admin with their rights, without passwords.
Why: a sink can only add rows, a job only load them, a reader only read, an admin only register.
Risk: sessions that read these schemas as PUBLIC no longer can: grant setu_reader.
Downgrade: the rights go, except those on bronze. 0203 drops the roles, with their passwords, unless
  they are in use.
"""

from setu.chain.runner import sql_step

revision = "0302"
down_revision = "0301"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
