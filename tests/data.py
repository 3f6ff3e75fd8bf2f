"""Recorded input that several tests share, with what must come of it."""

from __future__ import annotations

from setu.okuma import OKUMA_CYCLES, RecordedCycle

__all__ = ["OKUMA_CYCLES", "RecordedCycle"]
