"""The role that steps run as: the owner of what is there, whatever role deploys.

v1 belongs to some role, an application's most likely. A superuser deploys, or a member of that
role, or the role itself. If v2's objects belonged to the role that deploys, a writer of v1
could not reach what its triggers call, and the next deployer could not change what the last one
made. So the steps run as the owner, and only what concerns roles and jobs runs as the deployer,
who needs the rights for it. SQL finds the two in ``setu.owner`` and ``setu.deployer``.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from setu.db.connection import autocommit
from setu.db.version_table import SCHEMA
from setu.errors import RightsError

#: Where v1's tables are. The owner of most of them is the owner.
V1_SCHEMAS: Final = ("master", "silver", "bronze", "config", "alerting", "gold")

# Our own schema is the owner's: it says so also when v1's tables are archived.
_OWNER: Final = f"""
SELECT o.owner
FROM (
    SELECT pg_catalog.pg_get_userbyid(n.nspowner) AS owner, 0 AS place, 1::bigint AS tables
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname = '{SCHEMA}'
    UNION ALL
    SELECT pg_catalog.pg_get_userbyid(c.relowner), 1, count(*)
    FROM pg_catalog.pg_class AS c
    INNER JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (ARRAY{list(V1_SCHEMAS)!r}) AND c.relkind IN ('r', 'p')
    GROUP BY c.relowner
) AS o
ORDER BY o.place, o.tables DESC, o.owner
LIMIT 1"""
_OUT_OF_REACH: Final = f"""
SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(n.nspowner)),
    pg_catalog.quote_ident(session_user)
FROM pg_catalog.pg_namespace AS n
WHERE n.nspname = '{SCHEMA}' AND NOT pg_catalog.pg_has_role(session_user, n.nspowner, 'MEMBER')"""
_PLAN: Final = f"""
SELECT pg_catalog.set_config('setu.deployer', current_user, false),
    pg_catalog.set_config('setu.owner', coalesce(
        (
            SELECT w.owner FROM ({_OWNER}) AS w
            -- A role that may not become the owner stays as it is; pre-flight says what to grant.
            WHERE pg_catalog.pg_has_role(session_user, w.owner, 'MEMBER')
        ),
        current_user
    ), false)"""
_BECOME: Final = (
    "SELECT pg_catalog.set_config('role', pg_catalog.current_setting('setu.owner'), false)"
)


def act_as_owner(connection: Connection) -> None:
    """Let the connection act as the owner of the database's objects from here on.

    Raises :class:`RightsError` when SETU's own schema belongs to a role that we cannot become.
    """
    with autocommit(connection) as driver, driver.cursor() as cursor:
        cursor.execute(_OUT_OF_REACH)
        found = cursor.fetchone()
        if found is not None:
            owner, role = found
            raise RightsError(
                f"Role {role} may not act as {owner}, who owns what SETU has made here.",
                hint=f"GRANT {owner} TO {role}, or connect as {owner} or as a superuser",
            )
        cursor.execute(_PLAN)
        cursor.execute(_BECOME)


def resume_owner(driver: Any) -> None:
    """The same again for a psycopg2 connection that acted, before a step."""
    with driver.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.set_config('role', w.owner, false)"
            " FROM pg_catalog.current_setting('setu.owner', true) AS w (owner)"
            " WHERE w.owner <> '' AND w.owner <> current_user"
        )


def offline_owner_sql() -> str:
    """The same as :func:`act_as_owner`, as statements for an offline script."""
    return f"{_PLAN};\n{offline_resume_sql()}".strip()


def offline_resume_sql() -> str:
    """The same as :func:`resume_owner`, as a statement for an offline script."""
    return f"{_BECOME};"
