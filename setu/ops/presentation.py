"""Tables for people, of health and accounts; whoever has a console prints them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from setu.ops.health import Finding, Health
from setu.ops.reconciliation import RowReport

_NUMBER = "right"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; columns whose name begins with ``#`` hold numbers and stand to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="dim")
    for column in columns:
        if column.startswith("#"):
            made.add_column(column[1:], justify="right")
        else:
            made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(shown(value)) for value in row))
    return made


def shown(value: object) -> str:
    """A value as text: thousands apart, times to the second with their zone, none as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value)


def health_tables(health: Health) -> list[Table]:
    """Pipelines, their last runs, rejects, jobs and Kafka offsets; empty ones are left out."""
    made = [
        table(
            "Lag",
            ("pipeline", "enabled", "#rows behind", "#seconds behind", "held up by"),
            (
                (p.name, p.enabled, p.rows_behind, p.seconds_behind, p.held_up_by)
                for p in health.pipelines
            ),
        ),
        table(
            "Last run",
            (
                "pipeline",
                "status",
                "#s ago",
                "#took s",
                "#read",
                "#loaded",
                "#merged",
                "#rejected",
                "#late",
                "#failed/runs in a day",
            ),
            (
                (
                    p.name,
                    p.last_status,
                    p.run_age,
                    p.run_seconds,
                    p.rows_read,
                    p.rows_loaded,
                    p.rows_merged,
                    p.rows_rejected,
                    p.rows_late,
                    f"{p.failed_of_day}/{p.runs_of_day}",
                )
                for p in health.pipelines
            ),
        ),
    ]
    if health.rejects:
        made.append(rejects_table(health))
    if health.jobs:
        made.append(
            table(
                "Jobs",
                ("#job", "runs", "every", "scheduled", "next start"),
                (
                    (str(j.job_id), j.procedure, j.every, j.scheduled, j.next_start)
                    for j in health.jobs
                ),
            )
        )
    if health.offsets:
        made.append(
            table(
                "Kafka: highest stored offset, after which a sink resumes",
                ("table", "#partition", "#offset", "stored at"),
                (
                    (
                        o.table,
                        "others" if o.partition is None else str(o.partition),
                        "by time" if o.offset is None else o.offset,
                        o.stored_at,
                    )
                    for o in health.offsets
                ),
            )
        )
    return made


def rejects_table(health: Health) -> Table:
    """Rejected rows by reason."""
    return table(
        "Rejected rows",
        ("pipeline", "reason", "#waiting", "#resent", "the last one"),
        ((r.pipeline, r.reason, r.waiting, r.resent, r.last_detail) for r in health.rejects),
    )


def verdict(findings: Sequence[Finding]) -> Text:
    """Healthy or not, and what to do."""
    if not findings:
        return Text("healthy", style="bold green")
    text = Text()
    for at, finding in enumerate(findings):
        text.append("\n" if at else "")
        text.append(f"{finding.pipeline} {finding.what}\n", style="bold red")
        text.append(f"  What to do: {finding.advice}")
    return text


def account_tables(report: RowReport) -> list[Table]:
    """What became of v1's rows."""
    made = [
        table(
            "v1's rows (all of them stay in _archive until it is dropped)",
            ("table", "#v1 rows", "#migrated", "#merged", "#left out", "#rounded", "why"),
            (
                (a.table, a.v1_rows, a.migrated, a.merged, a.left_out, a.rounded, a.note)
                for a in report.accounts
            ),
        )
    ]
    if report.orphans:
        made.append(
            table(
                "Left out: rows of machines that v1's master does not know",
                ("company", "machine", "#rows"),
                ((o.company_id, o.machine_id, o.rows) for o in report.orphans),
            )
        )
    if report.payloads:
        p = report.payloads
        rows: list[tuple[object, ...]] = [
            ("processed by v1", p.processed_by_v1, "stay in _archive"),
            ("flattened", p.flattened, f"{p.bronze_rows:,} bronze rows"),
        ]
        rows += [
            (f"rejected: {reason}", count, "wait in _etl.rejected_rows")
            for reason, count in p.rejected.items()
        ]
        made.append(table("Payloads of bronze.raw_telemetry", ("what", "#payloads", ""), rows))
    return made
