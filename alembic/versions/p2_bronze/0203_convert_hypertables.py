"""Bronze becomes hypertables on arrival time.

What: the flat tables with chunks of -x bronze_chunk_interval; restores archived ones.
Why: chunks make retention a file delete and keep the index being written in memory.
Risk: none: few rows or none.
Downgrade: empty plain tables; the hypertables are archived with their rows, since a copy of
  a month of bronze would take hours.
"""

from setu.chain.runner import sql_step

revision = "0203"
down_revision = "0202"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
