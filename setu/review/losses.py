"""What a step drops that may hold values: columns, tables, aggregates with what silver lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql, parser
from pglast.enums import AlterTableType, ObjectType

from setu.chain.script import COMMENTS, Origin, Script

#: Tables in these schemas hold nothing that is not elsewhere, or are dropped on purpose.
_OWN = ("_stage", "_archive")
#: An aggregate keeps what retention has dropped from its table; no refresh brings that back.
_DROPPED = {ObjectType.OBJECT_TABLE: "table", ObjectType.OBJECT_MATVIEW: "aggregate"}
_DYNAMIC = re.compile(r"\bDROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?(\S+)", re.IGNORECASE)


def losses(script: Script) -> Iterator[tuple[Origin, str]]:
    """Where a script drops a column, a table or an aggregate of the schemas of v2, and which.

    A column that a body drops with EXECUTE counts; a table that one drops does not, since its name
    is data.
    """
    for statement in script.all_statements:
        node: Any = parse_sql(statement.text)[0].stmt
        if isinstance(node, ast.AlterTableStmt):
            table: Any = node.relation
            for command in node.cmds or ():
                if command.subtype == AlterTableType.AT_DropColumn and table.schemaname not in _OWN:
                    yield statement.origin, f"column {command.name} of {table.relname}"
        elif isinstance(node, ast.DropStmt) and node.removeType in _DROPPED:
            for names in node.objects or ():
                parts = [name.sval for name in names]
                if parts[0] not in _OWN:
                    yield statement.origin, f"{_DROPPED[node.removeType]} {'.'.join(parts)}"
        elif isinstance(node, ast.DoStmt):
            for token in parser.scan(statement.text):
                if token.name not in COMMENTS:
                    body = statement.text[token.start : token.end + 1]
                    for name in _DYNAMIC.findall(body) if token.name == "SCONST" else ():
                        yield statement.origin, f"column {name}"
