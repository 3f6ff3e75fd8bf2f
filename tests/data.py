"""Recorded input that several tests share, with what must come of it."""

from __future__ import annotations

from setu.simulate.recorded_cycles import OKUMA_CYCLES, RecordedCycle

__all__ = ["OKUMA_CYCLES", "RecordedCycle"]
