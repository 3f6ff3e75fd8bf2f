"""The settings of SETU's roles are those of its sessions."""

from __future__ import annotations

import re

from setu.chain.repository import repository_root
from setu.db.session_settings import JOB_SEARCH_PATH, role_settings

_SETTING = re.compile(r"\('(setu_\w+)', '([\w.]+)', '([^']*)'\)")


def test_roles_sql_sets_what_sessions_are_pinned_to() -> None:
    text = (repository_root() / "schema_new/roles.sql").read_text(encoding="utf-8")
    settings = text.partition("setu/db/session_settings.py")[2].partition("LOOP")[0]
    assert _SETTING.findall(settings) == role_settings()
    assert f"ALTER ROLE setu_etl IN DATABASE %I SET search_path = {JOB_SEARCH_PATH}'" in text
