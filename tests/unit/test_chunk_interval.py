"""How wide a bronze chunk may be."""

from __future__ import annotations

import pytest

from setu.ops.chunk_interval import SizeError, chunk_seconds, parse_bytes, rounded_down


@pytest.mark.parametrize(
    ("text", "size"),
    [("64GB", 64e9), ("64 GiB", 64 * 2**30), ("512mb", 512e6), ("1.5TB", 1.5e12)],
)
def test_memory_is_read_with_decimal_and_binary_units(text: str, size: float) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "GB", "0GB", "-1GB", "64 apples", "6 4GB", "64", "64B", "64G"]
)
def test_what_is_no_memory_is_refused(text: str) -> None:
    with pytest.raises(SizeError, match="no amount of memory"):
        parse_bytes(text)


def test_a_chunk_of_all_rows_fits_in_a_quarter_of_memory() -> None:
    seconds = chunk_seconds(64e9, 1000, 175)
    assert seconds * 1000 * 175 == pytest.approx(16e9)
    assert rounded_down(seconds) == "1 day"


def test_a_chunk_is_a_minute_at_least_and_thirty_days_at_most() -> None:
    assert rounded_down(chunk_seconds(1e6, 100_000, 175)) == "1 minute"
    assert rounded_down(chunk_seconds(1e12, 0.1, 175)) == "30 days"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3 * 86_400 - 1, "2 days"), (86_399, "23 hours"), (3_600, "1 hour"), (3_599, "59 minutes")],
)
def test_an_interval_is_rounded_down(seconds: float, text: str) -> None:
    assert rounded_down(seconds) == text


@pytest.mark.parametrize(("rate", "size"), [(0, 175), (1000, 0), (-1, 175)])
def test_a_rate_or_size_of_nothing_is_refused(rate: float, size: float) -> None:
    with pytest.raises(SizeError, match="above 0"):
        chunk_seconds(64e9, rate, size)
