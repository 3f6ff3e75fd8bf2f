"""Where the database is: one parser for everything that libpq takes.

The address is read by libpq itself: ``postgresql://`` and ``postgres://`` with one host or
several, sockets, ``%``-escapes, ``options``, ``service``, or ``host=… dbname=…``. A password is
never part of a message, also when it was not escaped and landed somewhere else in the address.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn
from sqlalchemy import URL

from setu.errors import DatabaseUrlError

VARIABLE: Final = "DATABASE_URL"
EXAMPLE: Final = "postgresql://user:password@host:5432/database"
HIDDEN: Final = "***"

_SCHEME: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*)://")
_SCHEMES: Final = ("postgres", "postgresql", "postgresql+psycopg2")
_SECRETS: Final = ("password", "sslpassword", "oauth_client_secret")
_KEYWORD: Final = re.compile(r"\s*[A-Za-z_]+\s*=")
_PORTS: Final = re.compile(r"[0-9]*(,[0-9]*)*")
#: Where libpq takes a value from when the address does not give one.
_ENVIRONMENT: Final = {"dbname": "PGDATABASE", "service": "PGSERVICE"}
_SHOWN: Final = ("host", "hostaddr", "port", "user", "dbname", "service")


@dataclass(frozen=True)
class Address:
    """A database's address, as libpq's parameters."""

    parameters: Mapping[str, str]

    @classmethod
    def parse(
        cls, text: str, *, source: str = VARIABLE, environment: Mapping[str, str] | None = None
    ) -> Address:
        """Read an address.

        :param source: what the text comes from, for the message. Raises :class:`DatabaseUrlError`,
            which never shows the text: it may hold a password.
        """
        scheme = _SCHEME.match(text)
        if scheme is None and _KEYWORD.match(text) is None:
            raise _not_an_address(source)
        if scheme is not None:
            if scheme.group(1).lower() not in _SCHEMES:
                raise DatabaseUrlError(
                    f"{source} names {scheme.group(1)}, not PostgreSQL.",
                    hint=f"Write it as {EXAMPLE}",
                )
            text = "postgresql://" + text[scheme.end() :].strip()
            if _has_stray_at(text.removeprefix("postgresql://")):
                raise _not_an_address(source)
        try:
            parameters = parse_dsn(text)
        except psycopg2.Error:
            # libpq's own message would quote what it could not read.
            raise _not_an_address(source) from None
        if not _PORTS.fullmatch(parameters.get("port", "")) or "@" in parameters.get("host", ""):
            raise _not_an_address(source)
        env = os.environ if environment is None else environment
        known = any(parameters.get(name) or env.get(var) for name, var in _ENVIRONMENT.items())
        if not known:
            raise DatabaseUrlError(
                f"{source} names no database.",
                hint=f"Write it as {EXAMPLE}, with the name at the end",
            )
        return cls(parameters)

    @classmethod
    def of(cls, address: Address | URL | str) -> Address:
        """An address from whatever form it has."""
        if isinstance(address, Address):
            return address
        if isinstance(address, URL):
            # Not by its text: SQLAlchemy writes a blank as +, which libpq takes as it stands.
            dialect = address.set(drivername="postgresql+psycopg2").get_dialect()()
            given = dialect.create_connect_args(address)[1]
            return cls({name: str(value) for name, value in given.items()})
        return cls.parse(address, source="The address")

    @property
    def dsn(self) -> str:
        """The address as libpq takes it, with the password."""
        return str(make_dsn(**self.parameters))

    @property
    def database(self) -> str:
        """The database's name, or of the service that names it."""
        return self.parameters.get("dbname") or self.parameters.get("service", "")

    def __str__(self) -> str:
        """The address for people: where and as whom, no password and no options."""
        shown = {name: self.parameters[name] for name in _SHOWN if self.parameters.get(name)}
        if set(shown) - {"hostaddr", "service"} and "," not in shown.get("host", ","):
            user = f"{shown['user']}@" if "user" in shown else ""
            if self.parameters.get("password") and user:
                user = f"{shown['user']}:{HIDDEN}@"
            port = f":{shown['port']}" if "port" in shown else ""
            host = shown["host"]
            if not host.startswith("/"):
                return f"postgresql://{user}{host}{port}/{shown.get('dbname', '')}"
        return " ".join(f"{name}={value}" for name, value in shown.items())

    __repr__ = __str__

    def hide(self, message: str) -> str:
        """A message of libpq or the server, without what is secret in the address."""
        for secret in self._secrets():
            message = message.replace(secret, HIDDEN)
        return message

    def _secrets(self) -> Iterator[str]:
        public = {self.parameters.get(name, "") for name in _SHOWN}
        for name in _SECRETS:
            value = self.parameters.get(name)
            # A password that equals the user's name is in every message, and is no news there.
            if value and value not in public:
                yield value


def database_address(environment: Mapping[str, str] | None = None) -> Address:
    """The address in ``DATABASE_URL``. Raises :class:`DatabaseUrlError`."""
    env = os.environ if environment is None else environment
    text = env.get(VARIABLE, "").strip()
    if not text:
        raise DatabaseUrlError(
            f"{VARIABLE} is not set.",
            hint=f"Set it to the database's address: {VARIABLE}={EXAMPLE}",
        )
    return Address.parse(text, environment=env)


def _has_stray_at(rest: str) -> bool:
    """Whether an ``@`` stands where none may: part of a password that was not escaped, most likely.

    :param rest: what follows ``postgresql://``. libpq ends user and password at the first ``@``,
        unless a ``/`` comes before it.
    """
    credentials, at, tail = rest.partition("@")
    if at and "/" not in credentials:
        rest = tail
    return "@" in rest.partition("?")[0]


def _not_an_address(source: str) -> DatabaseUrlError:
    return DatabaseUrlError(
        f"{source} is not an address.",
        hint=f"Write it as {EXAMPLE}; percent-encode special characters in a password "
        "(@ is %40, / is %2F, % is %25)",
    )
