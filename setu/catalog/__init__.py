"""Catalog snapshots: what a database's schema is, in a form that compares.

A snapshot is deterministic: two databases with the same schema give the same bytes, whatever the
PostgreSQL version (15 to 18), the TimescaleDB version, the ids, or the name of the deploying role.
``setu.catalog.snapshot`` takes one of a database; all else here needs no driver.
"""

from setu.catalog.difference import Difference, differences, render_differences
from setu.catalog.model import KINDS, Catalog, ObjectKey

__all__ = [
    "KINDS",
    "Catalog",
    "Difference",
    "ObjectKey",
    "differences",
    "render_differences",
]
