"""The page that the demo leaves."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise
from pathlib import Path

from setu.chain.repository import steps_to
from setu.demo.page import LOCK_COLUMNS, render_page
from setu.demo.progress import StepTime

ROOT = Path(__file__).resolve().parents[2]


def test_the_timeline_says_each_lock_whole_and_nothing_lies_over_another() -> None:
    steps = [
        StepTime(step.revision, part, "", 0.5) for step in steps_to(ROOT) for part in ("up", "down")
    ]
    page = render_page(None, steps, ())
    texts = re.findall(r'<text x="(\d+)" y="(\d+)"[^>]*>([^<]*)</text>', page)
    said = " ".join(unescape(words) for *_, words in texts)
    for step in steps_to(ROOT):
        for part in ("up", "down"):
            lock = step.script("up" if part == "up" else "down").header.values["lock"]
            assert " ".join(lock.split()) in said, step.revision
    locks = [(int(y), words) for x, y, words in texts if int(x) > 400]
    timeline = locks[-len(steps) :]
    assert max(len(words) for _, words in timeline) <= LOCK_COLUMNS
    places = [y for y, _ in timeline]
    assert all(after - before >= 17 for before, after in pairwise(places))
    [*_, height] = re.findall(r'viewBox="0 0 \d+ (\d+)"', page)
    assert int(height) >= places[-1]
