"""What can be wrong with a gateway's SQLite file, and what to do then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from setu.errors import SetuError

# States that pass by themselves, while somebody writes to the file or copies it.
PASSING = frozenset({"locked", "changing", "hot journal"})
GROWING = frozenset({"empty", "cut off", "damaged", "uncommitted", "log missing", "log damaged"})


class GatewayFileError(SetuError):
    """A file that is no gateway file, is not whole, or whose tables are not those of the templates.

    ``state`` names which, in a word or two.
    """

    def __init__(
        self, title: str, *, state: str, context: Iterable[str] = (), hint: str = ""
    ) -> None:
        self.state = state
        super().__init__(title, context=context, hint=hint)


def explain(path: Path, error: sqlite3.Error) -> GatewayFileError:
    """What an error of SQLite means for the file, and what to do."""
    said = f"SQLite: {error}"
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case 5 | 6:
            return GatewayFileError(
                f"{path} is locked: another program is writing to it",
                state="locked",
                context=(said,),
                hint="Feed it again in a moment; if it stays locked, end the program that holds it",
            )
        case 8:
            return GatewayFileError(
                f"{path} has an unfinished transaction: its {path.name}-journal is hot",
                state="hot journal",
                context=("the gateway died or was copied in the middle of a write", said),
                hint=f"Keep the journal beside it. Let the gateway finish, or run `sqlite3 "
                f"{path} 'PRAGMA integrity_check'` where it may be written to, which rolls the "
                "transaction back; then feed it again",
            )
        case 11:
            return damaged(path, said)
        case 26:
            return GatewayFileError(
                f"{path} cannot be read as a SQLite file",
                state="not SQLite",
                context=(said,),
                hint="Give a gateway's file that is not encrypted, or copy it again",
            )
        case _:
            return unreadable(path, said)


def unreadable(path: Path, why: str) -> GatewayFileError:
    """It cannot be opened or read."""
    return GatewayFileError(
        f"{path} cannot be read",
        state="unreadable",
        context=(why,),
        hint="Give this user the right to read the file and its folder, and check the disk",
    )


def changing(path: Path) -> GatewayFileError:
    """Somebody writes to it or copies it."""
    return GatewayFileError(
        f"{path} changes while it is being read",
        state="changing",
        hint="Feed it again when its copy is complete, or while the gateway does not write",
    )


def cut_off(path: Path, how: str) -> GatewayFileError:
    """It ends before its last page does."""
    return GatewayFileError(
        f"{path} is cut off",
        state="cut off",
        context=(how,),
        hint="Copy it from the gateway again, to its end",
    )


def uncommitted(path: Path, how: str) -> GatewayFileError:
    """It holds the beginning of a transaction, without its journal."""
    return GatewayFileError(
        f"{path} holds rows that were never committed, and its {path.name}-journal is not there",
        state="uncommitted",
        context=(how,),
        hint=f"Copy it from the gateway again, together with {path.name}-journal or while it does "
        "not write",
    )


def damaged(path: Path, *how: str) -> GatewayFileError:
    """Its pages do not fit together."""
    return GatewayFileError(
        f"{path} is damaged, or was copied without its {path.name}-journal in the middle of a "
        "write",
        state="damaged",
        context=how,
        hint="Copy it from the gateway again while it does not write; if the gateway's own is "
        f"damaged, run `sqlite3 {path} .recover | sqlite3 recovered.sqlite` and feed that",
    )
