"""``setu register``: companies, plants, gateways, machines, shifts and downtime codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from setu.cli.output import AsJson, print_json
from setu.db.connection import connected, database_url
from setu.errors import SetuError
from setu.ops import register as master
from setu.ops.presentation import plain_table
from setu.ops.register import KINDS, Entry, Listed, Registered

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Company = Annotated[str, typer.Argument(help="The company's id.")]
Plant = Annotated[str, typer.Argument(help="The plant's id.")]
Machine = Annotated[str, typer.Argument(help="The machine's id.")]


#: Of each kind, what a list shows beside the key; `--json` has all of it.
SHOWN = {
    "company": "name",
    "plant": "timezone",
    "device": "description",
    "machine": "device",
    "shift": "start",
    "code": "code",
}


def register(app: typer.Typer) -> None:
    """Add the group of commands to ``app``."""
    group = typer.Typer(no_args_is_help=True)
    for name, function in (
        ("company", company), ("plant", plant), ("device", device), ("machine", machine),
        ("shift", shift), ("code", code),
    ):  # fmt: skip
        group.command(name, rich_help_panel="Register one")(function)
    group.command("file", rich_help_panel="Register many")(from_file)
    group.command("list", rich_help_panel="What there is")(list_registered)
    move_group = typer.Typer(no_args_is_help=True)
    move_group.command("machine")(move_machine)
    move_group.command("code")(move_code)
    group.add_typer(
        move_group, name="move", help="Move a machine or a code.", rich_help_panel="What there is"
    )
    group.command("retire", rich_help_panel="What there is")(retire)
    app.add_typer(group, name="register", help="Master data: register, list, move, retire.")


def company(
    company: Company,
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    country: Annotated[str | None, typer.Option(help="Its country.")] = None,
    email: Annotated[str | None, typer.Option(help="Where to write to.")] = None,
    phone: Annotated[str | None, typer.Option(help="Where to call.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a company, or change what is given of one that is there.

    Example: setu register company ACME --name "Acme Ltd"
    """
    given = {"company": company, "name": name, "country": country, "email": email, "phone": phone}
    _register("company", given, dry_run, as_json)


def plant(
    company: Company,
    plant: Plant,
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="A region, such as Asia/Kolkata, which a new plant has.")
    ] = None,
    city: Annotated[str | None, typer.Option(help="Its city.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a plant of a company, or change what is given of one that is there.

    Example: setu register plant ACME PUNE --timezone Asia/Kolkata
    """
    given = {"company": company, "plant": plant, "name": name, "timezone": timezone, "city": city}
    _register("plant", given, dry_run, as_json)


def device(
    device: Annotated[str, typer.Argument(help="The gateway's id, which it sends as device_id.")],
    description: Annotated[str | None, typer.Option(help="What it is.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a gateway, or change its description.

    Example: setu register device GW-1
    """
    _register("device", {"device": device, "description": description}, dry_run, as_json)


def machine(
    company: Company,
    machine: Machine,
    plant: Annotated[str, typer.Option(help="The plant of that company in which it stands.")],
    device: Annotated[str, typer.Option(help="The gateway that speaks for it.")],
    source_id: Annotated[
        str | None, typer.Option(help="The gateway's own id for it; else the machine's id.")
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(help="A number that its gateway sends already; else one is drawn."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a machine, and say what its gateway has to send.

    Example: setu register machine ACME M-1 --plant PUNE --device GW-1
    """
    given = {
        "company": company,
        "machine": machine,
        "plant": plant,
        "device": device,
        "source_id": source_id,
        "number": number,
    }
    _register("machine", given, dry_run, as_json)


def shift(
    company: Company,
    plant: Plant,
    shift: Annotated[int, typer.Argument(help="Its number, from 1.")],
    start: Annotated[str, typer.Option(help="When it begins, in the plant's time: 06:00.")],
    end: Annotated[str, typer.Option(help="When it ends; not after start means the next day.")],
    name: Annotated[str | None, typer.Option(help="Its name.")] = None,
    from_day: Annotated[
        int | None, typer.Option(help="0: begins on the business date. 1: on the day after.")
    ] = None,
    to_day: Annotated[
        int | None, typer.Option(help="0: ends on the business date. 1: on the day after.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a shift of a plant, or its new times; what has begun stays as it was.

    Example: setu register shift ACME PUNE 3 --name Night --start 22:00 --end 06:00
    """
    given = {
        "company": company,
        "plant": plant,
        "shift": shift,
        "start": start,
        "end": end,
        "name": name,
        "from_day": from_day,
        "to_day": to_day,
    }
    _register("shift", given, dry_run, as_json)


def code(
    code: Annotated[str, typer.Argument(help="The code, as text.")],
    description: Annotated[str | None, typer.Option(help="What it means.")] = None,
    category: Annotated[str | None, typer.Option(help="Its category.")] = None,
    threshold: Annotated[int | None, typer.Option(help="Its threshold, in seconds.")] = None,
    company: Annotated[
        str | None, typer.Option(help="A company whose gateways send a number for it.")
    ] = None,
    number: Annotated[int | None, typer.Option(help="The number that they send.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register a downtime code, and by which number a company's gateways mean it.

    Example: setu register code COOLANT --company ACME --number 91
    """
    given = {
        "code": code,
        "description": description,
        "category": category,
        "threshold": threshold,
        "company": company,
        "number": number,
    }
    _register("code", given, dry_run, as_json)


def from_file(
    file: Annotated[Path, typer.Argument(help="A .csv file, or a .yaml file.")],
    kind: Annotated[
        str | None, typer.Option(help="The kind of all rows of a CSV file without column kind.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register all that a CSV or YAML file has, or nothing of it.

    YAML: a list for each kind. CSV: a header, with a column kind or --kind. Fields: as the options
    of the kind's command, with its arguments, such as company, machine, plant, device, source_id.

    Example: setu register file machines.csv --kind machine --dry-run
    """
    _done(lambda c: master.register(c, master.entries_of_file(file, kind), dry_run=dry_run),
          dry_run, as_json)  # fmt: skip


def list_registered(
    kind: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}.")] = None,
    company: Annotated[str | None, typer.Option(help="Only of this company.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what is registered.

    Example: setu register list machine --company ACME
    """
    if kind is not None:
        _known(kind)
    with connected(database_url(), "register") as connection:
        found = master.registered(connection, kind, company)
    if as_json:
        print_json("register list", {"registered": [vars(one) for one in found]})
        return
    for line in _listed(found):
        typer.echo(line)
    if not found:
        typer.echo("nothing of that is registered")


def move_machine(
    company: Company,
    machine: Machine,
    plant: Annotated[str | None, typer.Option(help="Its new plant, of the same company.")] = None,
    device: Annotated[str | None, typer.Option(help="Its new gateway.")] = None,
    source_id: Annotated[str | None, typer.Option(help="The gateway's own id for it.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Move a machine to another plant or gateway; its number stays. A retired one is back.

    Example: setu register move machine ACME M-1 --device GW-2
    """
    given = {
        "p_company_id": company,
        "p_machine_id": machine,
        "p_plant_id": plant,
        "p_device_id": device,
        "p_source_iot_id": source_id,
    }
    _done(lambda c: master.move(c, "machine", given, dry_run=dry_run), dry_run, as_json)


def move_code(
    company: Company,
    number: Annotated[int, typer.Argument(help="The number that its gateways send.")],
    code: Annotated[str, typer.Argument(help="The code that it means from now on.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Let a number that a company's gateways send mean another code.

    Example: setu register move code ACME 91 COOLANT
    """
    given = {"p_company_id": company, "p_source_down_id": number, "p_down_code": code}
    _done(lambda c: master.move(c, "code", given, dry_run=dry_run), dry_run, as_json)


def retire(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(KINDS)}.")],
    key: Annotated[
        list[str],
        typer.Argument(
            help="COMPANY; COMPANY PLANT; DEVICE; COMPANY MACHINE; COMPANY PLANT SHIFT; "
            "COMPANY NUMBER of a code."
        ),
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Retire something; its history and its number stay.

    A retired machine's gateway is free, and rows that come for the machine are rejected as
    sender_mismatch. `setu register move machine` brings it back.

    Example: setu register retire machine ACME M-1
    """
    _known(kind)
    _done(lambda c: master.retire(c, kind, key, dry_run=dry_run), dry_run, as_json)


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise SetuError(f"There is no kind {kind!r}.", hint=f"Give one of {', '.join(KINDS)}")


def _register(kind: str, given: dict[str, Any], dry_run: bool, as_json: bool) -> None:
    entry = Entry(kind, given)
    _done(lambda c: master.register(c, [entry], dry_run=dry_run), dry_run, as_json)


def _done(work: Any, dry_run: bool, as_json: bool) -> None:
    with connected(database_url(), "register", writes=True, role="setu_admin") as connection:
        done: list[Registered] = work(connection)
        connection.rollback()
        keys = {one.key for one in done if one.kind == "machine"}
        known: list[Listed] = []
        if keys and not dry_run:
            known = [m for m in master.registered(connection, "machine") if m.key in keys]
    gateways = [
        {
            "device_id": m.facts["device"],
            "source_iot_id": m.facts["source_id"],
            "machine_iot_id": m.number,
        }
        for m in known
        if not m.is_retired
    ]
    if as_json:
        print_json(
            "register",
            {
                "dry_run": dry_run,
                "done": [vars(one) for one in done],
                "gateways_need": gateways,
            },
        )
        return
    for line in _report(done, gateways, dry_run):
        typer.echo(line)


def _report(
    done: Sequence[Registered], gateways: Sequence[dict[str, Any]], dry_run: bool
) -> Iterator[str]:
    yield from plain_table(
        "Nothing is changed; this would be" if dry_run else "Done",
        ("kind", "key", "#number", "what"),
        ((one.kind, one.key, str(one.number), one.outcome) for one in done),
    )
    yield from plain_table(
        "What gateways need: they log in as setu_ingest, and send",
        ("device_id", "#machine_iot_id", "for their own id"),
        ((g["device_id"], str(g["machine_iot_id"]), g["source_iot_id"]) for g in gateways),
    )
    if dry_run and any(one.kind == "machine" and one.outcome == "added" for one in done):
        yield ""
        yield "A number is drawn when it is done; it may be another one."


def _listed(found: Sequence[Listed]) -> Iterator[str]:
    for kind in KINDS:
        yield from plain_table(
            kind,
            ("key", "#number", "state", SHOWN[kind]),
            (
                (
                    one.key,
                    str(one.number),
                    "retired" if one.is_retired else "",
                    one.facts.get(SHOWN[kind]) or "",
                )
                for one in found
                if one.kind == kind
            ),
        )
