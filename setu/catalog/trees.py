"""Trees of SQL by PostgreSQL's own grammar."""

from __future__ import annotations

from pathlib import Path

from pglast import ast, parser

from setu.errors import SetuError


def parse(text: str) -> tuple[ast.RawStmt, ...]:
    """The trees of SQL. The parser's nodes check the type of each value that the parser itself
    gives them, which takes most of the time; meanwhile they do not."""
    check = ast.Node.__setattr__
    ast.Node.__setattr__ = object.__setattr__  # type: ignore[assignment, method-assign]
    try:
        return tuple(parser.parse_sql(text))
    finally:
        ast.Node.__setattr__ = check  # type: ignore[method-assign]


def read_utf8(path: Path, name: str, refused: type[SetuError]) -> str:
    """The text of a file of SQL, with newlines as line ends. Raises ``refused``."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refused(
            f"{name} is not UTF-8.",
            context=[f"The first byte that does not fit is at offset {error.start}."],
            hint="Save the file as UTF-8",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def fault_of(error: parser.ParseError, text: str) -> tuple[str, int]:
    """What the parser objects to, and at which character: the end, where a text is not complete."""
    message, *place = error.args
    return str(message), next((at for at in place if at is not None), len(text.rstrip()))
