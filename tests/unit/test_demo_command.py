"""``setu demo``: its exit code is what its claims are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from setu.cli.commands import demo as command
from setu.demo.stage import Check
from setu.demo.story import Demo


@contextmanager
def no_server(_keep: bool, _console: object) -> Iterator[str]:
    yield "postgresql://nobody@127.0.0.1:1/nothing"


def test_the_demo_fails_when_a_claim_is_not_so(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [Check("water is wet", True), Check("the earth is flat", False, "it is round")]
    monkeypatch.setattr(command, "_server", no_server)
    monkeypatch.setattr(Demo, "run", lambda _demo: checks)
    with pytest.raises(command.DemoFailedError, match="the earth is flat") as caught:
        command.demo()
    assert caught.value.title == "1 claims of the demo do not hold."
    monkeypatch.setattr(Demo, "run", lambda _demo: checks[:1])
    command.demo()
