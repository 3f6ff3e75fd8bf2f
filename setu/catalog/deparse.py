"""Even out how PostgreSQL's versions print the query of a view.

Up to version 15 a view's query qualifies every column; from 16 on it does not where the query reads
one source only. The second form is taken.
"""

from __future__ import annotations

import re
from typing import Any

from pglast import ast, parser
from pglast.visitors import Visitor

from setu.catalog.trees import parse


class _Qualifiers(Visitor):
    """Finds where columns are qualified with one name, outside subqueries."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.places: list[int] = []

    def visit_SubLink(self, _ancestors: Any, node: ast.SubLink) -> Any:  # noqa: N802
        # The subquery has columns of its own and keeps the outer ones qualified in all versions.
        node.subselect = None

    def visit_ColumnRef(self, _ancestors: Any, node: ast.ColumnRef) -> None:  # noqa: N802
        fields = node.fields or ()
        if len(fields) == 2 and getattr(fields[0], "sval", None) == self.source:
            self.places.append(node.location or 0)


def unqualified_single_source(definition: str) -> str:
    """The query without column qualifiers if it reads a single source, else as it is."""
    try:
        statements = parse(definition)
    except parser.ParseError:
        return definition
    if len(statements) != 1:
        return definition
    query = statements[0].stmt
    if not isinstance(query, ast.SelectStmt) or query.op != 0 or not query.fromClause:
        return definition
    if len(query.fromClause) != 1:
        return definition
    entry = query.fromClause[0]
    alias = getattr(entry, "alias", None)
    source = alias.aliasname if alias is not None else getattr(entry, "relname", None)
    if source is None or isinstance(entry, ast.JoinExpr):
        return definition
    query.fromClause = None
    query.withClause = None
    finder = _Qualifiers(source)
    finder(query)
    encoded = definition.encode()
    quoted = re.compile(rb'("(?:[^"]|"")*"|[^\W\d][\w$]*)\.')
    for place in sorted(finder.places, reverse=True):
        match = quoted.match(encoded, place)
        if match:
            encoded = encoded[:place] + encoded[match.end() :]
    return encoded.decode()
