"""How hard the property tests try, and from which seed.

``SETU_HYPOTHESIS=nightly`` tries ten times as many cases; ``SETU_HYPOTHESIS_SEED`` repeats a run.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, seed, settings

PROFILES = {"default": 1, "nightly": 10}
PROFILE = os.environ.get("SETU_HYPOTHESIS", "") or "default"
if PROFILE not in PROFILES:
    raise ValueError(f"SETU_HYPOTHESIS={PROFILE} is none of {', '.join(PROFILES)}")
SEED = int(os.environ.get("SETU_HYPOTHESIS_SEED", "") or random.randrange(10**9))


def cases(number: int) -> Callable[[Any], Any]:
    """Decorate a test to try so many cases, ten times as many nightly."""

    def decorate(test: Any) -> Any:
        return settings(
            max_examples=number * PROFILES[PROFILE],
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        )(seed(SEED)(test))

    return decorate
