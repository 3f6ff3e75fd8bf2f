"""What must be true for rows to flow and for disk to stay bounded: one condition, one check.

A check is a query in a file here. Each row it returns is a breach: condition, subject, reason, and
the command that helps. Its first lines name the conditions, ``-- must NAME: sentence``, and what it
needs to be asked, ``-- needs community`` or an object's name. Settings ``setu_status.*`` are its
thresholds.
"""
