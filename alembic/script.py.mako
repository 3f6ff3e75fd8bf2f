"""${message[:1].upper() + message[1:]}.

What: ${message}
Why: as the header of up.sql says
Risk: locks as the headers of up.sql and down.sql say
Downgrade: as the header of down.sql says
"""

from setu.chain.runner import sql_step

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

upgrade, downgrade = sql_step(__file__)
