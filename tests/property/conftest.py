"""Says with which seed the property tests ran."""

from __future__ import annotations

import pytest

from tests.property.profile import PROFILE, SEED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(
        f"property tests: {PROFILE} profile, SETU_HYPOTHESIS_SEED={SEED} repeats them"
    )
