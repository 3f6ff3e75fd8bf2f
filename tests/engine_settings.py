"""Every setting of TimescaleDB that a session may change, set to something else."""

from __future__ import annotations

from tests.chain import Chain

#: Under these, rows are there and not seen, or changes of rows go unnoticed.
HIDING = frozenset(
    {
        "timescaledb.enable_transparent_decompression",
        "timescaledb.enable_columnarscan",
        "timescaledb.enable_tiered_reads",
        "timescaledb.disable_load",
        "timescaledb.skip_cagg_invalidation",
    }
)
_ALL = """
SELECT s.name, CASE
    WHEN s.vartype = 'bool' THEN CASE s.boot_val WHEN 'on' THEN 'off' ELSE 'on' END
    WHEN s.vartype = 'enum' THEN (
        SELECT v.value FROM unnest(s.enumvals) WITH ORDINALITY AS v (value, place)
        WHERE v.value <> s.boot_val AND NOT (s.boot_val = 'on' AND v.value = 'true')
        ORDER BY v.value = 'off' DESC, v.place DESC LIMIT 1
    )
    WHEN s.name = 'timescaledb.default_chunk_time_interval' THEN '1 hour'
    WHEN s.vartype IN ('integer', 'real') THEN s.min_val
END
FROM pg_settings AS s
WHERE s.name LIKE 'timescaledb.%' AND s.context = 'user' AND s.vartype <> 'string'
    OR s.name = 'timescaledb.default_chunk_time_interval'
ORDER BY s.name
"""


def other_engine_settings(chain: Chain) -> dict[str, str]:
    """Another value of each setting of this version."""
    return dict(chain.query(_ALL))
