"""${message[:1].upper() + message[1:]}.

What: (what changes, object by object)
Why: (the change request that it answers)
Risk: (locks and how long they are held, rows that are rewritten, what may make it refuse)
Downgrade: (what it restores, and from where)

Rules:
- The file's name is <number>_<name>.py in the folder of its phase; its SQL is in
  sql/<phase>/<number>_<name>/{up,down,verify}.sql. There is no SQL here.
- Each SQL file opens with '-- key: value' lines: what, why, transaction (yes or no), lock, down.
- A step includes the files of schema_new/ that it deploys and the files of schema/ that it
  restores: '-- @include schema_new/master/Tables/plants.sql'. It does not repeat them.
- A step that cannot run in a transaction says 'transaction: no', stands alone in its revision, and
  can be run again after it failed half way.
- verify.sql raises when the step did not do what it should, from this revision up to head.
- Once released, neither this revision's SQL nor its number changes. Write a new revision.
Delete the rules from the new file.
"""

from setu.chain.runner import sql_step

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

upgrade, downgrade = sql_step(__file__)
