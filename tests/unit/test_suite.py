"""The suite itself: it passes however it is started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_an_interrupt_is_heard() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_heard_in_a_suite_that_was_started_in_the_background() -> None:
    case = f"{Path(__file__).relative_to(ROOT)}::test_an_interrupt_is_heard"
    words = f"trap '' INT; exec {sys.executable} -m pytest -q -p no:cacheprovider {case}"
    done = subprocess.run(
        ["sh", "-c", words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
