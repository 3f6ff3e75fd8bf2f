"""Steps: the SQL that a revision runs, read from files.

A revision file ``alembic/versions/<phase>/<stem>.py`` has its step in ``sql/<phase>/<stem>/``, with
``up.sql``, ``down.sql`` and ``verify.sql``. Directives, each alone on its line:

- ``-- @include schema_new/master/Tables/plants.sql`` pastes that file, optionally followed by
  ``with master => _stage``, which renames schemas in it. Files below ``schema/`` and
  ``schema_new/`` can be included, and what steps of a phase share, in ``sql/<phase>/shared/``;
- ``-- @community``, directly above a statement: only on the community edition.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from pglast import parser

from setu.errors import IncludeError, StepError

Part = Literal["up", "down", "verify"]
PARTS: tuple[Part, ...] = ("up", "down", "verify")
HEADER_KEYS = ("what", "why", "transaction", "lock", "down")
HEADER_LINES = 6
INCLUDE_ROOTS = ("schema", "schema_new")

_HEADER_LINE = re.compile(r"--\s*([A-Za-z_]+):\s*(.*?)\s*")
_INCLUDE = re.compile(r"-- @include\s+(?P<path>\S.*?\.sql)(?:\s+with\s+(?P<renames>.+?))?\s*")
_RENAME = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*=>\s*([a-z_][a-z0-9_]*)\s*")
_COMMENTS = ("SQL_COMMENT", "C_COMMENT")
_TRANSACTION_CONTROL = frozenset(
    ("ABORT_P", "BEGIN_P", "COMMIT", "END_P", "RELEASE", "ROLLBACK", "SAVEPOINT", "START")
)


class Origin(NamedTuple):
    """A line of a file in the repository; ``file`` is relative to its root."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Header:
    """What the head of a step's file says: key → value."""

    values: Mapping[str, str]

    @property
    def transaction(self) -> bool:
        """Whether the step runs inside a transaction."""
        return self.values.get("transaction", "yes").lower().startswith("yes")


@dataclass(frozen=True)
class Statement:
    """One statement: its text without the semicolon, and where each of its lines comes from."""

    text: str
    comment: str
    community: bool
    lines: tuple[Origin, ...]

    @property
    def origin(self) -> Origin:
        """File and line on which the statement begins."""
        return self.lines[0]

    def origin_at(self, position: int) -> Origin:
        """File and line of a character position in the text (1-based, as the server gives it)."""
        line = self.text.count("\n", 0, max(0, position - 1))
        return self.lines[min(line, len(self.lines) - 1)]

    def origin_of_body_line(self, line: int) -> Origin | None:
        """File and line of a line of the statement's dollar-quoted body (1-based), if any."""
        for token in parser.scan(self.text):
            if token.name == "SCONST" and self.text[token.start] == "$":
                index = self.text.count("\n", 0, token.start) + line - 1
                return self.lines[index] if index < len(self.lines) else None
        return None


@dataclass(frozen=True)
class Script:
    """A step's file with its includes pasted in, and where each line comes from."""

    file: str
    text: str
    origins: tuple[Origin, ...]
    header: Header

    @property
    def sha256(self) -> str:
        """SHA-256 of the rendered text (line ends are newlines on every machine), in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def all_statements(self) -> tuple[Statement, ...]:
        """All statements, whatever the edition. Raises :class:`StepError` on a syntax error."""
        return tuple(_split(self))

    def statements(self, edition: str = "community") -> list[Statement]:
        """The statements for an edition, in order."""
        return [s for s in self.all_statements if edition == "community" or not s.community]


@dataclass(frozen=True)
class Step:
    """The SQL of one revision.

    :param root: the repository's root directory.
    :param phase: the phase folder, ``p2_bronze``.
    :param stem: ``0203_convert_hypertables``.
    """

    root: Path
    phase: str
    stem: str

    @classmethod
    def of_revision_file(cls, path: str | Path) -> Step:
        """The step of ``alembic/versions/<phase>/<stem>.py``."""
        file = Path(path).resolve()
        if file.parents[1].name != "versions" or len(file.parents) < 4:
            raise StepError(
                f"{file.name} has no place in the chain.",
                context=[f"It lies in {file.parent}."],
                hint="a revision lies in alembic/versions/<phase>/<number>_<name>.py",
            )
        return cls(file.parents[3], file.parent.name, file.stem)

    @property
    def revision(self) -> str:
        """The revision id: the number at the front of the stem."""
        return self.stem.partition("_")[0]

    @property
    def name(self) -> str:
        """``<phase>/<stem>``."""
        return f"{self.phase}/{self.stem}"

    @property
    def directory(self) -> Path:
        """Where the step's SQL lies."""
        return self.root / "sql" / self.phase / self.stem

    def script(self, part: Part) -> Script:
        """``up``, ``down`` or ``verify``, rendered. Raises :class:`StepError`."""
        path = self.directory / f"{part}.sql"
        relative = f"sql/{self.phase}/{self.stem}/{part}.sql"
        if not path.is_file():
            raise StepError(
                f"Revision {self.revision} has no {part}.sql.",
                context=[f"Expected at {relative}."],
                hint="write the file; each step has up.sql, down.sql and verify.sql",
            )
        source = _read(path, relative)
        header = _header(source, relative, required=part != "verify")
        lines, origins = _render(source, relative, self.root)
        script = Script(relative, "\n".join(lines) + "\n", tuple(origins), header)
        if not script.all_statements:
            raise StepError(
                f"{relative} has no statement.",
                hint="a direction that does nothing says so with a statement that checks it",
            )
        return script


def rename_schemas(sql: str, renames: Mapping[str, str]) -> str:
    """Rename schemas in SQL, by token.

    A name directly followed by a dot is renamed where it qualifies; in string constants, dollar
    quoted bodies too, the prefix ``name.`` at a word boundary. Comments stay as they are.
    """
    if not renames:
        return sql
    names = "|".join(re.escape(name) for name in renames)
    in_string = re.compile(rf'(?<![\w.$])("?)({names})\1\.(?=[\w"%])')
    result: list[str] = []
    at = 0
    tokens = parser.scan(sql)
    for index, token in enumerate(tokens):
        text = sql[token.start : token.end + 1]
        replaced = text
        if token.name in ("SCONST", "USCONST", "XCONST"):
            replaced = in_string.sub(lambda m: f"{m[1]}{renames[m[2]]}{m[1]}.", text)
        elif token.name not in _COMMENTS:
            bare = text[1:-1] if text.startswith('"') else text.lower()
            follows = tokens[index + 1] if index + 1 < len(tokens) else None
            dotted = index > 0 and tokens[index - 1].name == "ASCII_46"
            if (
                bare in renames
                and not dotted
                and follows is not None
                and follows.name == "ASCII_46"
                and follows.start == token.end + 1
            ):
                replaced = f'"{renames[bare]}"' if text.startswith('"') else renames[bare]
        result += (sql[at : token.start], replaced)
        at = token.end + 1
    return "".join(result) + sql[at:]


def _read(path: Path, relative: str) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StepError(
            f"{relative} is not UTF-8.",
            context=[f"The first byte that does not fit is at offset {error.start}."],
            hint="save the file as UTF-8",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _header(source: str, file: str, *, required: bool) -> Header:
    values: dict[str, str] = {}
    rule = (
        f"open the file with lines '-- key: value', one for each of {', '.join(HEADER_KEYS)}, "
        f"{HEADER_LINES} lines at most, then an empty line; a value stays on its line"
    )
    for number, line in enumerate(source.split("\n"), start=1):
        if not line.startswith("--") or line.startswith("-- @") or line.strip() == "--":
            break
        match = _HEADER_LINE.fullmatch(line)
        problem = ""
        if match is None:
            problem = f"The header line is not '-- key: value': {line}"
        elif match[1].lower() not in HEADER_KEYS:
            problem = f"The header has an unknown key: {match[1]}"
        elif match[1].lower() in values:
            problem = f"The header has the key {match[1]} twice."
        elif number > HEADER_LINES:
            problem = f"The header is longer than {HEADER_LINES} lines."
        if problem and (required or match is not None):
            raise StepError(f"{file}:{number} {problem}", hint=rule)
        if match is None:
            break
        values[match[1].lower()] = match[2]
    if required:
        missing = [key for key in HEADER_KEYS if not values.get(key)]
        if missing:
            raise StepError(f"{file} lacks {', '.join(missing)} in its header.", hint=rule)
    transaction = values.get("transaction", "yes")
    if not re.match(r"(yes|no)\b", transaction, re.IGNORECASE):
        raise StepError(f"{file} says 'transaction: {transaction}'.", hint="say yes or no")
    return Header(values)


def _scan(sql: str, file: str) -> Sequence[parser.Token]:
    try:
        return tuple(parser.scan(sql))
    except parser.ParseError as error:
        origins = [Origin(file, line) for line in range(1, sql.count("\n") + 2)]
        raise _syntax_error(error, origins, sql) from error


def _syntax_error(error: parser.ParseError, origins: Sequence[Origin], sql: str) -> StepError:
    message, index = str(error.args[0]), int(error.args[1]) if len(error.args) > 1 else 0
    line = min(sql.count("\n", 0, max(0, index)), len(origins) - 1)
    shown = sql.split("\n")[line].strip()
    return StepError(
        f"{origins[line]} cannot be parsed: {message}",
        context=[shown] if shown else [],
        hint="the SQL here is read with PostgreSQL's own grammar; psql's backslash commands and "
        "COPY data are not part of it",
    )


def _render(source: str, file: str, root: Path) -> tuple[list[str], list[Origin]]:
    """The source's lines with includes pasted in, and the origin of each."""
    source_lines = source.removesuffix("\n").split("\n")
    includes: dict[int, tuple[str, str]] = {}
    last_code = ""
    community = False
    for token in _scan(source, file):
        if token.name not in _COMMENTS:
            last_code = token.name
            community = False
            continue
        line = source.count("\n", 0, token.start)
        text = source[token.start : token.end + 1].rstrip()
        if not text.startswith("-- @"):
            continue
        where = Origin(file, line + 1)
        if source_lines[line].rstrip() != text:
            raise StepError(f"{where} A directive must be alone on its line: {text}")
        if text == "-- @community":
            community = True
            continue
        match = _INCLUDE.fullmatch(text)
        if match is None:
            raise StepError(
                f"{where} Unknown directive: {text}",
                hint="the directives are '-- @include <file>.sql [with a => b, …]' and "
                "'-- @community'",
            )
        if last_code not in ("", "ASCII_59"):
            raise IncludeError(f"{where} An include stands inside a statement: {text}")
        if community:
            raise StepError(
                f"{where} '-- @community' stands above an include.",
                hint="mark the statements in the included file instead",
            )
        includes[line] = (match["path"], match["renames"] or "")
    lines: list[str] = []
    origins: list[Origin] = []
    for number, text in enumerate(source_lines):
        if number in includes:
            where = Origin(file, number + 1)
            path, renames = includes[number]
            pasted = _included(path, renames, where, root)
            lines += pasted
            origins += [Origin(path, n + 1) for n in range(len(pasted))]
        else:
            lines.append(text)
            origins.append(Origin(file, number + 1))
    return lines, origins


def _included(path: str, renames: str, where: Origin, root: Path) -> list[str]:
    target = (root / path).resolve()
    allowed = [(root / name).resolve() for name in INCLUDE_ROOTS]
    shared = target.parent.name == "shared" and target.parents[2] == (root / "sql").resolve()
    inside = shared or any(target.is_relative_to(base) for base in allowed)
    if Path(path).is_absolute() or not inside:
        raise IncludeError(
            f"{where} may not include {path}.",
            hint="only files below schema/ and schema_new/, and in sql/<phase>/shared/, can be "
            "included, named from the root of the repository",
        )
    if not target.is_file():
        raise IncludeError(
            f"{where} includes {path}, which does not exist.",
            hint="mind spaces and capitals in folder names",
        )
    mapping: dict[str, str] = {}
    for item in renames.split(",") if renames else ():
        match = _RENAME.fullmatch(item)
        if match is None or match[1] in mapping:
            raise IncludeError(
                f"{where} cannot read the renames: with {renames}",
                hint="write 'with old_schema => new_schema, other => another', each schema once",
            )
        mapping[match[1]] = match[2]
    source = _read(target, path)
    tokens = _scan(source, path)
    for token in tokens:
        text = source[token.start : token.end + 1]
        if token.name in _COMMENTS and text.startswith("-- @include"):
            line = source.count("\n", 0, token.start) + 1
            raise IncludeError(
                f"{path}:{line} includes another file; it is itself included by {where}.",
                hint="includes do not nest; let the step include both files, in order",
            )
        if token.name in _COMMENTS and text.startswith("-- @") and text.strip() != "-- @community":
            line = source.count("\n", 0, token.start) + 1
            raise StepError(f"{path}:{line} Unknown directive: {text.strip()}")
    code = [token for token in tokens if token.name not in _COMMENTS]
    if not code or code[-1].name != "ASCII_59":
        raise IncludeError(
            f"{path} does not end with a semicolon, or is empty; {where} includes it.",
            hint="end the last statement of the file",
        )
    return rename_schemas(source, mapping).removesuffix("\n").split("\n")


def _split(script: Script) -> list[Statement]:
    sql = script.text
    try:
        slices = parser.split(sql, only_slices=True)
    except parser.ParseError as error:
        raise _syntax_error(error, script.origins, sql) from error
    statements: list[Statement] = []
    gaps: list[list[str]] = [[] for _ in range(len(slices) + 1)]
    starts = [piece.start for piece in slices]
    kinds: list[str] = [""] * len(slices)
    index = 0
    for token in parser.scan(sql):
        while index < len(slices) and token.start >= slices[index].stop:
            index += 1
        if index < len(slices) and token.start == starts[index]:
            kinds[index] = token.name
        if token.name in _COMMENTS and (index == len(slices) or token.start < starts[index]):
            gaps[index].append(sql[token.start : token.end + 1].rstrip())
    for index, piece in enumerate(slices):
        first = sql.count("\n", 0, piece.start)
        last = first + sql.count("\n", piece.start, piece.stop)
        lines = script.origins[first : last + 1]
        if kinds[index] in _TRANSACTION_CONTROL:
            raise StepError(
                f"{lines[0]} controls the transaction: {sql[piece].splitlines()[0]}",
                hint="the runner begins and commits; say 'transaction: no' in the header if the "
                "step cannot run inside one",
            )
        community = "-- @community" in gaps[index]
        if community and gaps[index][-1] != "-- @community":
            raise StepError(
                f"{lines[0]} '-- @community' is not directly above this statement.",
                hint="put it on the line above; it does not reach over comments or a whole include",
            )
        statements.append(Statement(sql[piece], "\n".join(gaps[index]), community, lines))
    if "-- @community" in gaps[-1]:
        raise StepError(f"{script.file} ends with '-- @community' and no statement after it.")
    return statements
