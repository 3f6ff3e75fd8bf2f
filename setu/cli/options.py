"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Setting = Annotated[
    list[str] | None, typer.Option("-x", help="A setting, name=value; may be repeated.")
]
Out = Annotated[Path | None, typer.Option(help="File to write; else to the screen.")]
Scratch = Annotated[
    str | None,
    typer.Option(help="Address of a server for a scratch database; else the same server."),
]
