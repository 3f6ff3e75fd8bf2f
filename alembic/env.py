"""Alembic's environment; what it does is in ``setu/chain/environment.py``."""

import importlib
import logging
import sys
from logging.config import fileConfig
from typing import Any

from alembic import context
from setu.chain.environment import run
from setu.errors import SetuError
from setu.preflight import check


def check_drift(*arguments: Any) -> None:
    """What ``alembic check`` does; no other command pays for what it needs."""
    importlib.import_module("setu.review.drift").check_drift(*arguments)


# A program that runs Alembic inside itself keeps its own logging.
if context.config.config_file_name is not None and not logging.getLogger().handlers:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)

try:
    run(context, preflight=check, drift_check=check_drift)
except SetuError as error:
    # From the command line: the message alone, and exit code 1. Alembic itself would reflow it.
    options = context.config.cmd_opts
    if options is None or options.raiseerr:
        raise
    sys.stderr.write(f"{error}\n")
    raise SystemExit(1) from None
