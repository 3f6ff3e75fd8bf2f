"""Bronze becomes hypertables on arrival time.

What: the flat tables with chunks of -x bronze_chunk_interval; roles and their rights on bronze; the
  column store.
Why: dropping a chunk deletes files, and the index being written stays in memory.
Risk: none: the tables are empty.
Downgrade: empty plain tables; 0204 has archived the hypertables with their rows.
"""

from setu.chain.runner import sql_step

revision = "0203"
down_revision = "0202"
branch_labels = None
depends_on = None

upgrade, downgrade = sql_step(__file__)
