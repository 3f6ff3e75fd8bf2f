"""Bronze alone, with what ``setu feed`` needs and nothing else."""

from __future__ import annotations

import re

import psycopg2.extensions

from setu.chain.order import schema_sections
from tests.v1 import ROOT, run

_RIGHTS = re.compile(r"^(GRANT|REVOKE)\b[^;]*\bsetu_[^;]*;", re.MULTILINE)


def create_bronze(connection: psycopg2.extensions.connection) -> None:
    """Bronze's flat tables and the feed's record, in the open transaction."""
    run(connection, "CREATE SCHEMA bronze; CREATE SCHEMA _etl")
    sections = list(schema_sections(ROOT))
    for section in sections:
        bronze = section.file.startswith("schema_new/bronze/Tables/raw_")
        if bronze and section.name in ("table", "identity"):
            run(connection, section.text)
    for part in ("/feed_records.sql", "/fn_fed_rows.sql", "/fn_record_fed_rows.sql"):
        for section in sections:
            if section.file.endswith(part):
                # Without the roles of the control plane.
                run(connection, _RIGHTS.sub("", section.text))
