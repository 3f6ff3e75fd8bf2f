"""The exit codes of all commands: one meaning each, whatever the command.

``docs/commands.md`` has the same table, and a test holds it, the commands' help and what they do to
this one.
"""

from __future__ import annotations

from typing import Final

WELL: Final = 0
COULD_NOT: Final = 1
DIFFERS: Final = 2
REJECTED: Final = 3
UNHEALTHY: Final = 4

MEANING: Final[dict[int, str]] = {
    WELL: "It is done, and all is well",
    COULD_NOT: "It could not be done, or could not be told; the message says why and what to do",
    DIFFERS: "It was done, and what was compared differs, or a run would be refused; "
    "also: the command line is not understood",
    REJECTED: "It was done, and rows were rejected; they are kept",
    UNHEALTHY: "It was done, and what was looked at is not well, or does not run",
}

#: Of each command, the codes beside 0 and 1 that it may end with.
ALSO: Final[dict[str, tuple[int, ...]]] = {
    "diff": (DIFFERS,),
    "drift": (DIFFERS,),
    "plan": (DIFFERS,),
    "schema-diff": (DIFFERS,),
    "verify": (DIFFERS,),
    "feed": (REJECTED,),
    "doctor": (UNHEALTHY,),
    "server status": (UNHEALTHY,),
    "status": (UNHEALTHY,),
}
