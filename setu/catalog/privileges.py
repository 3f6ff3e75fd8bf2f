"""The privileges of roles, as GRANT and REVOKE leave them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from setu.catalog.model import Description, ObjectKey

ALL: Final = {
    "table": ("DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"),
    "column": ("INSERT", "REFERENCES", "SELECT", "UPDATE"),
    "sequence": ("SELECT", "UPDATE", "USAGE"),
    "schema": ("CREATE", "USAGE"),
    "function": ("EXECUTE",),
    "procedure": ("EXECUTE",),
    "type": ("USAGE",),
}
#: What PUBLIC has of a new object.
_PUBLIC: Final = {"function": ("EXECUTE",), "procedure": ("EXECUTE",), "type": ("USAGE",)}


class Privileges:
    """The access lists of all objects of a catalog."""

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str], dict[str, dict[str, bool]]] = {}

    def add_object(self, kind: str, label: str) -> None:
        """Note a new object, with the rights that PUBLIC has of it by default."""
        lists = self._lists.setdefault((kind, label), {})
        if kind in _PUBLIC:
            lists["PUBLIC"] = dict.fromkeys(_PUBLIC[kind], False)

    def __contains__(self, at: tuple[str, str]) -> bool:
        return at in self._lists

    def drop_object(self, kind: str, label: str) -> None:
        """Forget an object and the columns of it."""
        self._lists = {
            at: held
            for at, held in self._lists.items()
            if at != (kind, label) and not (at[0] == "column" and at[1].startswith(f"{label}."))
        }

    def labels(self, kind: str) -> Iterator[str]:
        """The objects of a kind that are known."""
        return (label for known, label in self._lists if known == kind)

    def grant(
        self, kind: str, label: str, roles: Iterable[str], names: Iterable[str], *, option: bool
    ) -> None:
        """GRANT; no names mean all privileges."""
        held = self._lists.setdefault((kind, label), {})
        for role in roles:
            rights = held.setdefault(role, {})
            for name in tuple(names) or ALL[kind]:
                rights[name] = rights.get(name, False) or option

    def revoke(
        self, kind: str, label: str, roles: Iterable[str], names: Iterable[str], *, option: bool
    ) -> None:
        """REVOKE; no names mean all privileges. With ``option``, only that to grant them on."""
        held = self._lists.get((kind, label), {})
        for role in roles:
            rights = held.get(role, {})
            for name in tuple(names) or ALL[kind]:
                if option and name in rights:
                    rights[name] = False
                elif not option:
                    rights.pop(name, None)

    def objects(self) -> Iterator[tuple[ObjectKey, Description]]:
        """One object of the catalog for each grantee that has something."""
        for (kind, label), held in self._lists.items():
            for role, rights in held.items():
                if rights:
                    listed = [f"{name}{'*' if rights[name] else ''}" for name in sorted(rights)]
                    yield (
                        ObjectKey("privilege", f"{kind} {label} to {role}"),
                        {"privileges": listed},
                    )
