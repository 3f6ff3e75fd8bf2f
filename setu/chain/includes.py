"""Includes: the text of files, pasted into a step.

Directives, each alone on its line:

- ``-- @include schema_new/master/Tables/plants.sql`` pastes that file, all sections in order;
- ``-- @include schema_new/master/Tables/plants.sql#grants`` pastes one section of it;
- ``-- @include schema_new/bronze/Tables/raw_*.sql#identity`` pastes that section of each file whose
  name matches, in the order of their names; a file that matches and has no such section is an
  error;
- each may be followed by ``with master => _stage, …``, which renames schemas in what is pasted;
- ``-- @with master => _stage, …`` on a line of its own does so for the includes directly below it;
- ``-- @community``, directly above a statement: only on the community edition;
- ``-- @expect up.sql``, in a verify.sql: see :mod:`setu.chain.expect`.

Files below ``schema/`` and ``schema_new/`` can be included, and what steps of a phase share, in
``sql/<phase>/shared/``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pglast import parser

from setu.chain.expect import DIRECTIVE as EXPECT
from setu.chain.script import COMMENTS, COMMUNITY, Origin, read_sql, scan
from setu.chain.sections import Section, read_sections
from setu.errors import IncludeError, StepError

INCLUDE_ROOTS = ("schema", "schema_new")

_INCLUDE = re.compile(
    r"-- @include\s+(?P<path>\S.*?\.sql)(?:#(?P<section>[a-z][a-z0-9_]*))?"
    r"(?:\s+with\s+(?P<renames>.+?))?\s*"
)
_WITH = re.compile(r"-- @with\s+(?P<renames>.+?)\s*")
_RENAME = re.compile(r"\s*([a-z_][a-z0-9_]*)\s*=>\s*([a-z_][a-z0-9_]*)\s*")

Lines = list[tuple[str, Origin]]


@dataclass(frozen=True)
class _Include:
    path: str
    section: str | None
    renames: Mapping[str, str]


def render(source: str, file: str, root: Path) -> tuple[list[str], list[Origin]]:
    """The lines of a step's file with its includes pasted in, and the origin of each.

    Raises :class:`StepError` for a directive that breaks a rule.
    """
    source_lines = source.removesuffix("\n").split("\n")
    includes = _directives(source, source_lines, file)
    lines: Lines = []
    for number, text in enumerate(source_lines):
        where = Origin(file, number + 1)
        if number + 1 in includes and _WITH.fullmatch(text):
            continue
        if number in includes:
            # The head of a step's file ends with an empty line; a pasted comment is not part of it.
            if lines and lines[-1][0]:
                lines.append(("", where))
            lines += _pasted(includes[number], where, root)
        else:
            lines.append((text, where))
    return [text for text, _ in lines], [origin for _, origin in lines]


def included_sections(source: str, file: str, root: Path) -> list[Section]:
    """The sections that a step's file includes, in order, as they stand in their own files."""
    found = []
    for number, include in _directives(source, source.split("\n"), file).items():
        found += _sections(include, Origin(file, number + 1), root)
    return found


def _directives(source: str, lines: list[str], file: str) -> dict[int, _Include]:
    """The includes of a file by line (from 0). Checks every directive."""
    includes: dict[int, _Include] = {}
    shared: Mapping[str, str] = {}
    shared_below = -1
    last_code = ""
    community = False
    for token in scan(source, file):
        if token.name not in COMMENTS:
            last_code = token.name
            community = False
            continue
        line = source.count("\n", 0, token.start)
        text = source[token.start : token.end + 1].rstrip()
        if not text.startswith("-- @"):
            continue
        where = Origin(file, line + 1)
        if lines[line].rstrip() != text:
            raise StepError(f"{where} A directive must be alone on its line: {text}")
        if text == COMMUNITY:
            community = True
            continue
        if text == EXPECT and file.endswith("/verify.sql"):
            continue
        with_match = _WITH.fullmatch(text)
        if with_match is not None:
            shared, shared_below = _renames(with_match["renames"], where), line
            if line + 1 >= len(lines) or not lines[line + 1].startswith("-- @include "):
                raise IncludeError(f"{where} '-- @with' stands above no include.")
            continue
        match = _INCLUDE.fullmatch(text)
        if match is None:
            raise StepError(
                f"{where} Unknown directive: {text}",
                hint="Write '-- @include <file>.sql[#section] [with a => b, …]', "
                "'-- @with a => b, …' or '-- @community'",
            )
        if last_code not in ("", "ASCII_59"):
            raise IncludeError(f"{where} An include stands inside a statement: {text}")
        if community:
            raise StepError(
                f"{where} '-- @community' stands above an include.",
                hint="Mark the statements in the included file instead",
            )
        renames = _renames(match["renames"] or "", where)
        if shared and line == shared_below + 1:
            if renames:
                raise IncludeError(f"{where} has renames of its own below '-- @with'.")
            renames, shared_below = shared, line
        includes[line] = _Include(match["path"], match["section"], renames)
    return includes


def _pasted(include: _Include, where: Origin, root: Path) -> Lines:
    lines: Lines = []
    for section in _sections(include, where, root):
        if lines:
            lines.append(("", lines[-1][1]))
        texts = rename_schemas(section.text, include.renames).split("\n")
        lines += zip(texts, section.origins(), strict=True)
    return lines


def _sections(include: _Include, where: Origin, root: Path) -> list[Section]:
    found: list[Section] = []
    for file in _files(include.path, where, root):
        sections = read_sections(read_sql(root / file, file), file)
        wanted = include.section
        if wanted:
            sections = tuple(section for section in sections if section.name == wanted)
            if not sections:
                raise IncludeError(
                    f"{where} includes section {wanted} of {file}, which has no such section.",
                    hint="Write the section, or narrow the pattern to the files that have it",
                )
        found += sections
    return found


@lru_cache(maxsize=256)
def _may_include_from(folder: str, root: Path) -> bool:
    """Whether a folder, named from the root of the repository, has files that may be included."""
    target = (root / folder).resolve()
    steps, *allowed = ((root / name).resolve() for name in ("sql", *INCLUDE_ROOTS))
    shared = target.name == "shared" and target.parents[1] == steps
    return shared or any(target.is_relative_to(base) for base in allowed)


def _files(path: str, where: Origin, root: Path) -> list[str]:
    """The files that an include names, from the root of the repository, sorted by name."""
    folder, _, name = path.rpartition("/")
    if path.startswith("/") or "*" in folder or not _may_include_from(folder, root):
        raise IncludeError(
            f"{where} may not include {path}.",
            hint="Include files below schema/ and schema_new/, or in sql/<phase>/shared/, named "
            "from the root of the repository; only the file's own name may have a '*'",
        )
    if "*" not in name:
        if not (root / path).is_file():
            raise IncludeError(
                f"{where} includes {path}, which does not exist.",
                hint="Mind spaces and capitals in folder names",
            )
        return [path]
    files = sorted(file.name for file in (root / folder).glob(name))
    if not files:
        raise IncludeError(
            f"{where} includes {path}, which matches no file.",
            hint="Mind spaces and capitals in folder names",
        )
    return [f"{folder}/{file}" for file in files]


def _renames(text: str, where: Origin) -> Mapping[str, str]:
    renames: dict[str, str] = {}
    for item in text.split(",") if text else ():
        match = _RENAME.fullmatch(item)
        if match is None or match[1] in renames:
            raise IncludeError(
                f"{where} cannot read the renames: with {text}",
                hint="Write 'with old_schema => new_schema, other => another', each schema once",
            )
        renames[match[1]] = match[2]
    return renames


def rename_schemas(sql: str, renames: Mapping[str, str]) -> str:
    """Rename schemas in SQL, by token.

    A name directly followed by a dot is renamed where it qualifies; in string constants, dollar
    quoted bodies too, the prefix ``name.`` at a word boundary. Comments stay as they are, as does
    what COMMENT ON says to people.
    """
    if not renames:
        return sql
    names = "|".join(re.escape(name) for name in renames)
    in_string = re.compile(rf'(?<![\w.$])("?)({names})\1\.(?=[\w"%])')
    result: list[str] = []
    at = 0
    tokens = parser.scan(sql)
    begins, comments_on = True, False
    for index, token in enumerate(tokens):
        if begins and token.name not in COMMENTS:
            comments_on = token.name == "COMMENT"
        begins = token.name == "ASCII_59" or (begins and token.name in COMMENTS)
        text = sql[token.start : token.end + 1]
        replaced = text
        if comments_on and token.name == "SCONST":
            pass
        elif token.name in ("SCONST", "USCONST", "XCONST"):
            replaced = in_string.sub(lambda m: f"{m[1]}{renames[m[2]]}{m[1]}.", text)
        elif token.name not in COMMENTS:
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
