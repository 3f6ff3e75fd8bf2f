"""v1 against v2, compared with the change requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from setu.catalog import KINDS, Catalog, ObjectKey
from setu.catalog.released import read_files
from setu.chain.releases import read_releases
from setu.chain.settings import Settings
from setu.errors import SetuError
from setu.review.change_requests import read_schema
from setu.review.changes import RISKS, SchemaChange, changes_between
from setu.review.held import HeldRequest, hold, renamed
from setu.review.made_by import RevisionFinder
from setu.review.reasons import FILE, read_reasons, reason_for
from setu.review.sides import files_catalog, folder_catalog, read_side


class UnknownKindError(SetuError):
    """A kind of object is named that no catalog has."""


@dataclass(frozen=True)
class ReviewedChange:
    """A change, what asked for it or else why it was made, and the revision that makes it."""

    change: SchemaChange
    revision: str | None = None
    requests: tuple[HeldRequest, ...] = ()
    reason: str = ""

    @property
    def asked(self) -> bool:
        """Whether a request asks for it."""
        return bool(self.requests)

    @property
    def explained(self) -> bool:
        """Whether a request asks for it, or a reason is given."""
        return self.asked or bool(self.reason)


@dataclass(frozen=True)
class Review:
    """All changes and all requests; what explains nothing is in ``problems``."""

    left: str
    right: str
    changes: tuple[ReviewedChange, ...]
    requests: tuple[HeldRequest, ...] = ()
    problems: tuple[str, ...] = ()
    #: Whether the changes are held against requests, or merely listed.
    held: bool = True

    @property
    def missing(self) -> list[HeldRequest]:
        """What was asked for and is not done."""
        return [request for request in self.requests if request.problem]

    @property
    def asked(self) -> list[ReviewedChange]:
        """What was asked for and is done."""
        return [entry for entry in self.changes if entry.asked]

    @property
    def unasked(self) -> list[ReviewedChange]:
        """What is done and was not asked for, the unexplained first."""
        return sorted((e for e in self.changes if not e.asked), key=lambda e: e.explained)

    @property
    def unexplained(self) -> list[ReviewedChange]:
        """What is done, was not asked for, and has no reason."""
        return [entry for entry in self.unasked if not entry.explained]

    @property
    def exit_code(self) -> int:
        """0 where all is asked for or explained and done, else 2; a mere list is 2 if not empty."""
        if not self.held:
            return 2 if self.changes else 0
        return 2 if self.missing or self.unexplained or self.problems else 0

    def by_risk(self) -> Mapping[str, int]:
        """How many changes each class has."""
        counted = Counter(entry.change.risk for entry in self.changes)
        return {risk: counted[risk] for risk in RISKS}


def _v2(root: Path) -> Catalog:
    """v2 as it was asked for: what comes after its release was not asked for in ``schema/``."""
    releases = read_releases(root)
    files = read_files(root, releases[0].revision) if releases else None
    return folder_catalog(root / "schema_new") if files is None else files_catalog(files)


def review_schemas(root: Path) -> Review:
    """``schema/`` of a repository against its ``schema_new/``. Needs no server."""
    v1, v2 = folder_catalog(root / "schema"), _v2(root)
    files = read_schema(root / "schema")
    held = hold(v1, v2, files)
    reasons = read_reasons(root / FILE)
    finder = RevisionFinder(root)
    left = renamed(v1, files)
    entries = []
    done: dict[int, HeldRequest] = {id(r): r for r in held if not r.problem}
    for request in done.values():
        if request.request.action == "rename":
            change = _rename(request, v1, v2)
            entries.append(ReviewedChange(change, finder.revision(change), (request,)))
    for change in changes_between(left, v2):
        asked = _asking(change, held)
        reason = "" if asked else reason_for(change, reasons)
        entries.append(ReviewedChange(change, finder.revision(change), asked, reason))
    entries.sort(key=lambda e: (e.change.layer, e.change.whole.name, e.change.action != "rename"))
    problems = [
        f"{FILE}:{reason.line} explains nothing: {reason.action} {reason.kind} {reason.name}"
        for reason in reasons
        if not reason.used
    ]
    return Review("schema", "schema_new", tuple(entries), tuple(held), tuple(problems))


def review_sides(
    left: str, right: str, root: Path, settings: Settings, ignore_kinds: Sequence[str] = ()
) -> Review:
    """Any two sides against each other; ``setu.review.sides`` says what a side may be.

    Raises :class:`UnknownKindError` for a kind of object that does not exist.
    """
    before, after = (read_side(side, root, settings) for side in (left, right))
    for kind in ignore_kinds:
        if kind not in KINDS:
            raise UnknownKindError(
                f"There is no kind of object named {kind!r}.",
                context=["Kinds: " + ", ".join(KINDS)],
                hint="Give one of these as --ignore",
            )
    changes = changes_between(before.without_kinds(ignore_kinds), after.without_kinds(ignore_kinds))
    return Review(
        shown(left), shown(right), tuple(ReviewedChange(change) for change in changes), held=False
    )


def shown(side: str) -> str:
    """A side for people: an address without its password."""
    if "://" not in side:
        return side
    from setu.db.address import Address

    return str(Address.parse(side, source="The address"))


def _rename(request: HeldRequest, v1: Catalog, v2: Catalog) -> SchemaChange:
    from setu.review.risk import assessed

    table = request.file.qualified_name
    old = ObjectKey("column", f"{table}.{request.request.name}")
    change = SchemaChange(
        "rename",
        old,
        ObjectKey("table", table),
        renamed_to=request.request.detail,
        before=request.request.name,
        after=request.request.detail,
        sources=tuple(v2.sources.get(request.key, ())),
    )
    return assessed(change, v1, v2)


def _asking(change: SchemaChange, held: list[HeldRequest]) -> tuple[HeldRequest, ...]:
    """The requests that ask for a change, all of which hold; none if one does not."""
    if change.facet or change.key.kind == "privilege":
        return ()
    found = []
    for request in held:
        if request.request.target != "object":
            fits = request.key == change.key and request.request.action != "rename"
        else:
            name = change.whole.name.partition("(")[0]
            names = {request.file.qualified_name, request.request.detail}
            fits = name in names and (
                change.key == change.whole or name == request.file.qualified_name
            )
        if fits:
            found.append(request)
    return () if any(request.problem for request in found) else tuple(found)
