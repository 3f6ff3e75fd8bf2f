"""The one place with the ``setu.*`` settings.

Each setting has a name, a default, a kind and a line of help. ``-x name=value`` overrides one. They
reach SQL as session settings, ``current_setting('setu.<name>')``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from setu.errors import SettingsError

Kind = Literal["interval", "integer", "choice"]

_UNITS: Mapping[str, float] = {
    "ms": 0.001,
    "millisecond": 0.001,
    "s": 1,
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86_400,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "year": 31_557_600,
}
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


@dataclass(frozen=True)
class Setting:
    """One setting: its name without the prefix, default text, kind, help, and bounds."""

    name: str
    default: str
    kind: Kind
    help: str
    minimum: float = 0
    choices: tuple[str, ...] = ()


KNOWN: tuple[Setting, ...] = (
    Setting("edition", "community", "choice", "TimescaleDB edition", 0, ("community", "apache")),
    Setting(
        "accept_known_bad_pair",
        "no",
        "choice",
        "make jobs although these versions report their success as failure",
        0,
        ("no", "yes"),
    ),
    Setting("bronze_chunk_interval", "1 day", "interval", "width of a bronze chunk", 60),
    Setting("job_schedule", "1 minute", "interval", "time between two runs of a load job", 1),
    Setting("job_max_runtime", "50 seconds", "interval", "longest run of a load job", 1),
    Setting("batch_size", "60000", "integer", "bronze rows in one batch of a load", 1),
    Setting(
        "run_alerts", "no", "choice", "a job runs the alert engine every minute", 0, ("no", "yes")
    ),
    Setting("lock_timeout", "700ms", "interval", "longest wait for the locks of a step", 0.001),
    Setting("lock_attempts", "60", "integer", "tries to get the locks of a step", 1),
    Setting(
        "cancel_readers_after",
        "0",
        "integer",
        "tries after which queries in the way that have only read are cancelled; 0: never",
        0,
    ),
    Setting("deploy_lock_wait", "10s", "interval", "longest wait for another deploy to end"),
    Setting("bronze_columnstore_after", "7 days", "interval", "age of a compressed bronze chunk"),
    Setting("silver_columnstore_after", "14 days", "interval", "age of a compressed silver chunk"),
    Setting("bronze_retention", "30 days", "interval", "age at which a loaded bronze chunk goes"),
    Setting(
        "silver_retention", "1 year", "interval", "age at which a silver chunk goes", 2 * 86_400
    ),
    Setting(
        "pm_status_retention",
        "2 years",
        "interval",
        "the same for silver.machine_pm_status",
        86_400,
    ),
    Setting("late_window", "1 hour", "interval", "how far a sweep looks back in arrival time"),
    Setting(
        "future_limit", "1 day", "interval", "how far after its arrival an event may lie at most"
    ),
    Setting(
        "sender_check",
        "reject",
        "choice",
        "what becomes of a row from another device than its machine's",
        0,
        ("reject", "count"),
    ),
    Setting(
        "compare",
        "changes",
        "choice",
        "what v1 and v2 are compared on after the swap: what has changed since, or everything",
        0,
        ("changes", "everything"),
    ),
    Setting(
        "dependents",
        "stop",
        "choice",
        "what to do with your own objects that hang on tables which the swap moves",
        0,
        ("stop", "move", "leave", "move_or_leave"),
    ),
    Setting("backfill_workers", "1", "integer", "sessions that backfill at once", 1),
    Setting("backfill_pause", "0", "interval", "rest between two chunks of the backfill"),
    Setting(
        "backfill_compress",
        "yes",
        "choice",
        "compress old chunks of silver as they are backfilled",
        0,
        ("yes", "no"),
    ),
)
_BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in KNOWN}


def interval_seconds(text: str) -> float:
    """Length in seconds of an interval such as ``2s``, ``1 day``, ``1 hour 30 min`` or ``0``.

    A month counts 30 days. Raises ``ValueError`` for anything else.
    """
    stripped = text.strip().lower()
    if stripped == "0":
        return 0.0
    total, at = 0.0, 0
    while at < len(stripped):
        part = _PART.match(stripped, at)
        if part is None:
            raise ValueError(text)
        unit = part.group(2)
        scale = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
        if scale is None:
            raise ValueError(text)
        total += float(part.group(1)) * scale
        at = part.end()
    if not stripped:
        raise ValueError(text)
    return total


class Settings:
    """Values of all settings: the defaults, with overrides.

    :param overrides: setting name → text. Raises :class:`SettingsError` for an unknown name or a
        value that does not fit.
    """

    def __init__(self, overrides: Mapping[str, str] | None = None) -> None:
        self._values = {setting.name: setting.default for setting in KNOWN}
        self._overridden = frozenset(overrides or ())
        for name, value in (overrides or {}).items():
            if name not in _BY_NAME:
                raise SettingsError(
                    f"There is no setting named {name!r}.",
                    context=_known_lines(),
                    hint="Use one of the names above, as -x name=value",
                )
            _validate(_BY_NAME[name], value)
            self._values[name] = value.strip()

    @classmethod
    def from_x_arguments(cls, arguments: Iterable[str]) -> Settings:
        """Settings from the ``-x`` arguments of ``alembic``, each ``name=value``."""
        overrides: dict[str, str] = {}
        for argument in arguments:
            name, equals, value = argument.partition("=")
            name = name.strip().removeprefix("setu.")
            if not equals:
                raise SettingsError(
                    f"-x {argument} has no value.",
                    context=_known_lines(),
                    hint="Write -x name=value",
                )
            if name in overrides and overrides[name] != value:
                raise SettingsError(
                    f"-x {name} is given twice, with different values.",
                    context=[f"{overrides[name]!r} and {value!r}"],
                    hint="Give it once",
                )
            overrides[name] = value
        return cls(overrides)

    def for_released(self, defaults: Mapping[str, str]) -> dict[str, str]:
        """Session settings in which a released step differs from these.

        :param defaults: setting name → default at the time of the release. A value that was given
            for this run counts; a default that has changed since does not.
        """
        own = self.session_settings()
        return {
            f"setu.{name}": value
            for name, value in defaults.items()
            if name not in self._overridden and own.get(f"setu.{name}") != value
        }

    def text(self, name: str) -> str:
        """The setting's value as text, as SQL gets it."""
        return self._values[name]

    def seconds(self, name: str) -> float:
        """The value of an interval setting, in seconds."""
        return interval_seconds(self._values[name])

    def integer(self, name: str) -> int:
        """The value of an integer setting."""
        return int(self._values[name])

    @property
    def edition(self) -> str:
        """``community`` or ``apache``."""
        return self._values["edition"]

    @property
    def lock_timeout_ms(self) -> int:
        """``lock_timeout`` in whole milliseconds, never 0 (which would switch it off)."""
        return max(1, round(self.seconds("lock_timeout") * 1000))

    def session_settings(self) -> dict[str, str]:
        """Session settings to make before a run: each ``setu.<name>``, and the timeouts.

        Waits for locks are bounded; work is not. What else a session needs is set for every
        connection, in ``setu.db.session_settings``.
        """
        return {
            **{f"setu.{name}": value for name, value in self._values.items()},
            "lock_timeout": f"{self.lock_timeout_ms}ms",
            "client_min_messages": "notice",
        }


def _validate(setting: Setting, value: str) -> None:
    expected = ""
    if setting.kind == "choice":
        if value.strip() not in setting.choices:
            expected = "one of " + ", ".join(setting.choices)
    elif setting.kind == "integer":
        if not re.fullmatch(r"\s*\d{1,9}\s*", value) or int(value) < setting.minimum:
            expected = f"a whole number of {int(setting.minimum)} or more"
    else:
        try:
            seconds = interval_seconds(value)
        except ValueError:
            expected = "an interval such as '2s', '30 minutes' or '1 day'"
        else:
            if seconds < setting.minimum:
                expected = f"an interval of {setting.minimum:g} seconds or more"
    if expected:
        raise SettingsError(
            f"{setting.name} cannot be {value!r}: it must be {expected}.",
            context=[f"{setting.name}: {setting.help}, {setting.default!r} by default"],
            hint=f"Give it as -x {setting.name}=VALUE, in quotes if it has spaces",
        )


def _known_lines() -> list[str]:
    width = max(len(setting.name) for setting in KNOWN)
    return ["Known settings:"] + [
        f"  {setting.name:<{width}}  {setting.help} ({setting.default})" for setting in KNOWN
    ]
