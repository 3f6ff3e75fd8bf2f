"""Errors that a person can act on.

Every failure that SETU foresees is a subclass of :class:`SetuError`. The message has a title (what
failed), context lines (where, which, how many) and a hint (what to do next). ``setu`` and
``alembic/env.py`` end with the message and not with a traceback.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable


class SetuError(Exception):
    """Base of all foreseen failures.

    :param title: one line: what failed.
    :param context: lines that say where, and name what is concerned.
    :param hint: what to do next; empty where there is nothing to do.
    """

    def __init__(self, title: str, *, context: Iterable[str] = (), hint: str = "") -> None:
        self.title = title
        self.context = tuple(context)
        self.hint = hint
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole message, several lines, without a trailing newline."""
        lines = [self.title]
        for entry in self.context:
            lines.extend(f"  {line}".rstrip() for line in entry.splitlines() or [""])
        if self.hint:
            lines.append(f"What to do: {self.hint}")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.message


class SettingsError(SetuError):
    """An ``-x name=value`` with an unknown name or a value that does not fit."""


class DatabaseUrlError(SetuError):
    """``DATABASE_URL`` is missing or is not a PostgreSQL address."""


class DatabaseConnectionError(SetuError):
    """The server cannot be reached, or does not let us in."""


class RightsError(SetuError):
    """The role may not do what the command needs."""


class PoolerError(SetuError):
    """Between us and the server is a pooler that keeps no session for a client."""


class DatabaseStateError(SetuError):
    """The database or the server is in a state in which the command cannot work."""


class StepError(SetuError):
    """A step's files are not as they should be: missing, empty, header, include, directive."""


class IncludeError(StepError):
    """An include directive that names no file it may name."""


class StatementError(SetuError):
    """A statement of a step failed on the server."""

    def __init__(
        self, title: str, *, context: Iterable[str] = (), hint: str = "", sqlstate: str | None
    ) -> None:
        self.sqlstate = sqlstate
        super().__init__(title, context=context, hint=hint)


class VerifyError(StatementError):
    """A ``verify.sql`` says that its step does not hold."""


class LockTimeoutError(StatementError):
    """A lock could not be had within the bounded number of attempts."""


class StepGaveWayError(LockTimeoutError):
    """A step found, as often as it was tried, that it cannot go on at once, and says why."""


class DeployInterruptedError(StatementError):
    """A statement was cancelled, or the connection was lost, while a step ran."""


class DeployLockError(SetuError):
    """Another deploy holds the deploy lock of this database."""


class PreflightError(SetuError):
    """The database is not fit for the planned run; nothing has been changed."""


class RevisionStateError(SetuError):
    """The database stands at a revision that this repository does not know."""


class ChecksumError(SetuError):
    """A released step is not what was released."""


class ReleaseError(SetuError):
    """A release cannot be made."""


class RevisionDraftError(SetuError):
    """A new revision cannot be placed or drafted."""


class OutputError(SetuError):
    """What a command writes does not arrive: a full disk, a folder that is none, a closed pipe."""

    @classmethod
    def of(cls, error: OSError) -> OutputError | None:
        """The failure to show for an error of the system; None where it is of something else."""
        if isinstance(error.filename, str):
            return cls(
                f"{error.filename} cannot be read or written: {error.strerror}.",
                hint="Give another file, or correct its folder, rights or room",
            )
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE):
            return cls(
                f"The output cannot be written: {error.strerror}.",
                hint="Send it elsewhere, or free some space; what was done stands",
            )
        return None
