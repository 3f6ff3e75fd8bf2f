"""Statements that add and drop jobs and policies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from setu.catalog import ObjectKey
from setu.catalog.names import split_name
from setu.chain.scaffold import OPEN
from setu.review.drafted import COMMUNITY, Drafting
from setu.review.sql_style import LINE_LENGTH

#: As the files of the schema have it: back to the role that owns all.
_BACK: Final = (
    f"{COMMUNITY}SELECT set_config('role',"
    " coalesce(nullif(current_setting('setu.owner', true), ''), 'none'), true)"
)


def change_job(drafting: Drafting, key: ObjectKey) -> None:
    """Drop a job and add it anew; what an operator changed of it is a person's to decide."""
    note = (
        f"-- {OPEN}: {key.name.partition(' #')[0]}\n-- is dropped and added anew, as the files have"
        " it. A pause or a schedule that an operator\n-- gave it is lost; before the deploy, `setu"
        " drift` names such a job. Say who sets it again,\n-- or that nobody changed it.\n"
    )
    drop_job(drafting, key, note)
    add_job(drafting, key)


def drop_job(drafting: Drafting, key: ObjectKey, note: str = "") -> None:
    """Drop a job, by its policy's own call where it is one.

    :param note: lines of comment above the statement.
    """
    proc, _, table = key.name.partition(" #")[0].partition(" on ")
    gone = ObjectKey("table", table) not in drafting.after.objects
    if ObjectKey("continuous aggregate", table) in drafting.gone:
        return
    if gone and ObjectKey("table", table) in drafting.before.objects:
        return  # it goes with its table
    calls = {
        "policy_retention": ("SELECT public.remove_retention_policy", "relation"),
        "policy_compression": ("CALL public.remove_columnstore_policy", "hypertable"),
        "policy_refresh_continuous_aggregate": (
            "SELECT public.remove_continuous_aggregate_policy",
            "continuous_aggregate",
        ),
    }
    known = calls.get(proc.rpartition(".")[2])
    if known is not None:
        argument = f"{known[1]} => '{table}'"
        if len(known[0]) + len(argument) + len("();") > LINE_LENGTH:
            argument = f"\n    {argument}\n"
        drafting.say(f"{note}{COMMUNITY}{known[0]}({argument})")
        return
    schema, name = split_name(proc)
    drafting.say(
        f"{note}{COMMUNITY}SELECT public.delete_job(j.job_id)\n"
        "FROM timescaledb_information.jobs AS j\n"
        f"WHERE j.proc_schema = '{schema}' AND j.proc_name = '{name}'"
    )


def add_job(drafting: Drafting, key: ObjectKey) -> None:
    """A job, as the role that owns it: a job belongs to the role that is current then."""
    owner = str(drafting.after.objects[key].get("owner", "<owner>"))
    texts = drafting.texts(drafting.after, key)
    others = [k for k in drafting.after.sources if k.kind == "job" and k != key]
    if any(drafting.after.sources[k] == drafting.after.sources[key] for k in others):
        # Its statement makes more jobs than this one.
        texts = [COMMUNITY + _job_text(key, drafting.after.objects[key])]
    if owner != "<owner>" and texts and texts[0] not in drafting.result.statements:
        drafting.result.statements.append(f"{COMMUNITY}SET LOCAL ROLE {owner}")
        drafting.say(*texts)
        drafting.result.statements.append(_BACK)
    else:
        drafting.say(*texts)


def _job_text(key: ObjectKey, fields: Mapping[str, Any]) -> str:
    """A call that adds one job, from what is known of it."""
    config = json.dumps(fields.get("config"))
    lines = [
        f"proc => '{key.name.partition(' #')[0]}'",
        f"schedule_interval => INTERVAL '{fields['schedule_interval']}'",
        f"config => '{config}'",
        "initial_start => date_trunc('minute', clock_timestamp()) + INTERVAL '1 minute'",
        f"fixed_schedule => {str(bool(fields.get('fixed_schedule', True))).lower()}",
    ]
    inner = ",\n        ".join(lines)
    outer = [f"job_id => add_job(\n        {inner}\n    )"]
    for name in ("max_runtime", "max_retries", "retry_period"):
        value = fields.get(name)
        if value is not None:
            written = str(value) if name == "max_retries" else f"INTERVAL '{value}'"
            outer.append(f"{name} => {written}")
    joined = ",\n    ".join(outer)
    return f"SELECT alter_job(\n    {joined}\n)"
