"""Commands that run until a signal: the first ends them, and the process is as it was before."""

from __future__ import annotations

import os
import signal

import pytest

from setu.cli.signals import ENDING, interrupt_on_sigterm, stop_on_signal


@pytest.mark.parametrize("number", ENDING)
def test_the_first_signal_asks_and_the_second_interrupts(number: signal.Signals) -> None:
    said: list[str] = []
    with stop_on_signal(said.append) as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert said == [number.name]


def test_sigterm_interrupts_a_server_in_the_foreground() -> None:
    with pytest.raises(KeyboardInterrupt), interrupt_on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)


def test_the_handlers_of_before_are_set_again() -> None:
    before = {number: signal.getsignal(number) for number in ENDING}
    with stop_on_signal():
        assert all(signal.getsignal(number) is not before[number] for number in ENDING)
    with interrupt_on_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in ENDING} == before
