"""``setu rejects``: the rows that no load could take."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from setu.cli.exit_codes import WELL
from setu.cli.output import AsJson, Watch, print_json, watched
from setu.db.connection import connected, database_url
from setu.errors import SetuError
from setu.ops.presentation import plain_table, shown
from setu.ops.rejects import (
    Filter,
    Reject,
    RejectsError,
    advice,
    column_types,
    counted,
    culprits,
    discard,
    groups,
    known_masters,
    rejects,
    resend,
    resendable,
    unknown_codes,
)

SHOWN = 20

Pipeline = Annotated[str | None, typer.Argument(help="The pipeline, such as machine_cycles.")]
Reason = Annotated[str | None, typer.Option(help="Only this reason, such as unknown_machine.")]
#: What a bigint holds.
MOST = (1 << 63) - 1
Machine = Annotated[
    int | None, typer.Option(min=-MOST, max=MOST, help="Only rows with this machine_iot_id.")
]
Since = Annotated[
    str | None, typer.Option(help="Only rejected since then, ISO-8601; no zone means UTC.")
]
Until = Annotated[str | None, typer.Option(help="Only rejected before then.")]
Ids = Annotated[
    list[int] | None,
    typer.Option("--id", min=1, max=MOST, help="Only this one; may be repeated."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many rows it would be.")]


def register(app: typer.Typer) -> None:
    """Add the group of commands to ``app``."""
    group = typer.Typer(no_args_is_help=True)
    group.command("list")(list_rejects)
    group.command("show")(show_reject)
    group.command("resend")(resend_rejects)
    group.command("discard")(discard_rejects)
    group.command("codes")(list_codes)
    app.add_typer(group, name="rejects", help="Rows that no load took: find, resend, discard.")


def list_rejects(
    pipeline: Pipeline = None,
    reason: Reason = None,
    machine: Machine = None,
    since: Since = None,
    until: Until = None,
    resent: Annotated[bool, typer.Option("--resent", help="Also those sent again.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many rows to name.")] = SHOWN,
    as_json: AsJson = False,
    watch: Watch = None,
) -> None:
    """List waiting rows by reason; with a filter, the newest of them one by one.

    Example: setu rejects list machine_cycles --reason unknown_machine --since 2026-01-05
    """
    wanted = _filter(pipeline, reason, machine, since, until, resent=resent)
    watched(lambda: _look(wanted, limit, as_json), None if as_json else watch)


def _look(wanted: Filter, limit: int, as_json: bool) -> int:
    with connected(database_url(), "rejects") as connection:
        by_reason = groups(connection, wanted)
        named = rejects(connection, wanted, limit) if wanted.pipeline or wanted.narrows else []
    if as_json:
        _json("list", {"groups": [vars(g) for g in by_reason], "rows": [vars(r) for r in named]})
        return WELL
    if not by_reason:
        typer.echo("no rejected row waits" if not wanted.resent else "no row was rejected")
        return WELL
    for line in plain_table(
        "By reason",
        ("pipeline", "reason", "#rows", "#machines"),
        ((g.pipeline, g.reason, g.rows, g.machines) for g in by_reason),
    ):
        typer.echo(line)
    for line in plain_table(
        f"The newest {len(named)}: setu rejects show ID",
        ("#id", "reason", "#machine", "rejected at"),
        (
            (
                str(r.reject_id),
                r.reason,
                None if r.machine is None else str(r.machine),
                r.rejected_at,
            )
            for r in named
        ),
    ):
        typer.echo(line)
    return WELL


def list_codes(as_json: AsJson = False) -> None:
    """List downtime codes that cannot be read as sent, and the command that corrects each.

    Example: setu rejects codes
    """
    with connected(database_url(), "rejects") as connection:
        found = unknown_codes(connection)
    if as_json:
        _json("codes", {"codes": [{**vars(code), "command": code.command} for code in found]})
        return
    unknown = [code for code in found if not code.is_known_now]
    for code in unknown:
        # A number of a gateway is a name: no thousands are set apart.
        number = shown(None if code.number is None else str(code.number))
        typer.echo(
            f"{code.company}: number {number}, code {shown(code.code)}: {code.fault}; "
            f"loaded as {shown(code.loaded_as)}, {code.stops:,} rows"
        )
        typer.echo(f"  {code.command}")
    if not found:
        typer.echo("every code was read as it was sent")
    elif not unknown:
        typer.echo("every code is known now")
    known = len(found) - len(unknown)
    if known:
        typer.echo(f"codes of the last 30 days that are known now: {known} (see --json)")


def show_reject(
    reject_id: Annotated[int, typer.Argument(min=1, max=MOST, help="Its id, as list shows it.")],
    as_json: AsJson = False,
) -> None:
    """Show one row whole, the value that is wrong, and what corrects it.

    Example: setu rejects show 42
    """
    with connected(database_url(), "rejects") as connection:
        found = rejects(connection, Filter(ids=(reject_id,), resent=True), 1)
        if not found:
            raise RejectsError(
                f"There is no rejected row {reject_id}.",
                hint="See `setu rejects list`; it may have been discarded",
            )
        [reject] = found
        wrong = culprits(reject, column_types(connection, reject.pipeline))
        helps = advice(reject, known_masters(connection))
    if as_json:
        _json("show", {"row": vars(reject), "wrong": dict(wrong), "advice": helps})
        return
    for line in _lines(reject, wrong, helps):
        typer.echo(line)


def _lines(reject: Reject, wrong: Sequence[tuple[str, Any]], helps: Sequence[str]) -> list[str]:
    shown = [f"{reject.pipeline} {reject.reject_id}: {reject.reason}"]
    shown += [f"  {name} = {json.dumps(value, ensure_ascii=False)}" for name, value in wrong]
    if reject.detail:
        shown += [f"  {line}" for line in reject.detail.splitlines()]
    shown += [f"  rejected at {reject.rejected_at}"]
    if reject.resent_at:
        shown += [f"  sent again at {reject.resent_at}"]
    shown += ["", "Row"]
    width = max(map(len, reject.row), default=0)
    shown += [
        f"  {name.ljust(width)}  {json.dumps(value, ensure_ascii=False)}"
        for name, value in reject.row.items()
    ]
    if not reject.resent_at:
        shown += ["", "What helps", *(f"  {line}" for line in helps)]
    return shown


def resend_rejects(
    pipeline: Pipeline = None,
    reason: Reason = None,
    machine: Machine = None,
    since: Since = None,
    until: Until = None,
    ids: Ids = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send waiting rows through bronze again, once their cause is corrected.

    Example: setu rejects resend machine_cycles --reason unknown_machine
    """
    wanted = _filter(pipeline, reason, machine, since, until, ids)
    _need_a_filter(wanted)
    role = "" if dry_run else "setu_admin"
    with connected(database_url(), "rejects", writes=not dry_run, role=role) as connection:
        found = counted(connection, wanted)
        counts = (resendable if dry_run else resend)(connection, wanted)
    left = {name: rows - counts.get(name, 0) for name, rows in found.items()}
    _tell("resent", counts, {name: rows for name, rows in left.items() if rows}, dry_run, as_json)


def discard_rejects(
    pipeline: Pipeline = None,
    reason: Reason = None,
    machine: Machine = None,
    since: Since = None,
    until: Until = None,
    ids: Ids = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let waiting rows go for good; their number is kept.

    Example: setu rejects discard machine_cycles --reason end_before_start --until 2026-01-05
    """
    wanted = _filter(pipeline, reason, machine, since, until, ids)
    _need_a_filter(wanted)
    role = "" if dry_run else "setu_etl"
    if not (yes or dry_run):
        with connected(database_url(), "rejects", role=role) as connection:
            count = sum(group.rows for group in groups(connection, wanted))
        typer.confirm(f"Discard {count:,} rows for good?", abort=True)
    with connected(database_url(), "rejects", writes=not dry_run, role=role) as connection:
        counts = (counted if dry_run else discard)(connection, wanted)
    _tell("discarded", counts, {}, dry_run, as_json)


def _tell(
    done: str, counts: dict[str, int], left: dict[str, int], dry_run: bool, as_json: bool
) -> None:
    """Say what was done; ``left`` are rows that cannot be sent again, by pipeline."""
    if as_json:
        content: dict[str, Any] = {"done": "nothing" if dry_run else done, "rows": counts}
        if done == "resent":
            content["not_resent"] = left
        _json("resend" if done == "resent" else "discard", content)
        return
    prefix = "would be " if dry_run else ""
    for pipeline, count in counts.items():
        typer.echo(f"{pipeline}: {count:,} rows {prefix}{done}")
    for pipeline, count in left.items():
        typer.echo(f"{pipeline}: {count:,} rows cannot be resent; setu rejects show ID says why")
    if not counts and not left:
        typer.echo(f"no waiting row is such: none {prefix}{done}")


def _need_a_filter(wanted: Filter) -> None:
    if wanted.pipeline is None and not wanted.narrows:
        raise RejectsError(
            "It is not said which rows.",
            hint="Give a pipeline, --reason, --machine, --since, --until or --id",
        )


def _filter(
    pipeline: str | None,
    reason: str | None,
    machine: int | None,
    since: str | None,
    until: str | None,
    ids: Sequence[int] | None = None,
    *,
    resent: bool = False,
) -> Filter:
    return Filter(
        pipeline, reason, machine, _instant(since), _instant(until), tuple(ids or ()), resent
    )


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise SetuError(
            f"{text} is not a time.", hint="Write it as 2026-01-05T06:00:00Z or 2026-01-05"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _json(command: str, content: dict[str, Any]) -> None:
    print_json(f"rejects {command}", content)
