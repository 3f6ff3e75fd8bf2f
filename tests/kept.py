"""v1's rows as they were, kept beside it, and v2's as fingerprints."""

from __future__ import annotations

from setu.catalog.fingerprint import RowFingerprint
from setu.simulate.fleet import V1_TABLES
from tests.chain import Chain, Row

# Filled anew from silver, so its times of writing change and nothing else.
#: Written ahead of time: a run that crosses a shift change finds a shift more.
AHEAD = ("master.shift_calendar", "master.shift_calendar_extents")
CACHE = "silver.latest_cycle_state"


def kept(table: str) -> str:
    """The copy of a v1 table."""
    return "keep." + table.replace(".", "_")


def keep(chain: Chain) -> None:
    """Copy v1's tables into schema ``keep``."""
    chain.run("DROP SCHEMA IF EXISTS keep CASCADE", "CREATE SCHEMA keep")
    for table in V1_TABLES:
        chain.run(f"CREATE TABLE {kept(table)} AS TABLE {table}")


def missing(chain: Chain, *, loaded: bool) -> dict[str, int]:
    """How many of the rows that v1 had are not in v1 now, by table; only those that miss some.

    A payload that v2 has loaded is marked as processed: with ``loaded`` its state does not count.
    """
    return _differing(chain, "{kept} EXCEPT ALL SELECT {columns} FROM {table}", loaded=loaded)


def added(chain: Chain) -> dict[str, int]:
    """How many rows v1 has that it had not, by table; only those that have some."""
    return _differing(chain, "{table} EXCEPT ALL SELECT {columns} FROM {kept}", loaded=False)


def _differing(chain: Chain, sides: str, *, loaded: bool) -> dict[str, int]:
    found = {}
    for table in V1_TABLES:
        columns = "*"
        if loaded and table == "bronze.raw_telemetry":
            columns = "ingest_time, device_id, iot_id, payload, company_id, batch_id"
        query = sides.format(kept=kept(table), table=table, columns=columns)
        count = chain.value(f"SELECT count(*) FROM (SELECT {columns} FROM {query}) AS m")
        if count:
            found[table] = count
    return found


def rows(chain: Chain) -> dict[str, RowFingerprint]:
    """Fingerprints of all tables but the cache, what the clock adds to, and what tests keep."""
    left_out = {CACHE, *AHEAD}
    found = chain.rows()
    return {t: f for t, f in found.items() if t not in left_out and not t.startswith("keep.")}


def cache(chain: Chain) -> list[Row]:
    """The state cache, where there is one."""
    if not chain.value(f"SELECT to_regclass('{CACHE}') IS NOT NULL"):
        return []
    return chain.query(
        f"SELECT machine_iot_id, last_cycle_start, last_cycle_end FROM {CACHE} ORDER BY 1"
    )
