"""Settings: defaults, overrides, and values that do not fit."""

from __future__ import annotations

import pytest

from setu.chain.settings import KNOWN, Settings, interval_seconds
from setu.errors import SettingsError


def test_every_default_passes_its_own_validation() -> None:
    Settings({setting.name: setting.default for setting in KNOWN})


def test_settings_reach_the_session_under_their_prefix() -> None:
    session = Settings.from_x_arguments(["batch_size=500"]).session_settings()
    assert session["setu.batch_size"] == "500"
    assert session["setu.bronze_chunk_interval"] == "1 day"
    assert session["lock_timeout"] == "700ms"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("500ms", 0.5),
        ("2s", 2),
        ("50 seconds", 50),
        ("1 minute", 60),
        ("1 hour 30 min", 5400),
        ("1.5 days", 129_600),
        ("2 weeks", 1_209_600),
        ("1 month", 2_592_000),
    ],
)
def test_intervals_are_read_as_seconds(text: str, seconds: float) -> None:
    assert interval_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "day", "2", "2 fortnights", "-1 day", "1 day ago", "s2"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        interval_seconds(text)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_x_arguments(["bronze_chunks=1 day"])
    message = str(caught.value)
    assert "'bronze_chunks'" in message
    for setting in KNOWN:
        assert setting.name in message


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("edition=enterprise", "one of community, apache"),
        ("batch_size=0", "a whole number of 1 or more"),
        ("batch_size=many", "a whole number of 1 or more"),
        ("lock_timeout=0", "an interval of 0.001 seconds or more"),
        ("lock_timeout=soon", "an interval such as"),
        ("bronze_chunk_interval=1 second", "an interval of 60 seconds or more"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_would_fit(
    argument: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_x_arguments([argument])
    assert argument.partition("=")[0] in str(caught.value)
    assert expected in str(caught.value)


def test_an_argument_without_a_value_is_refused() -> None:
    with pytest.raises(SettingsError, match="has no value"):
        Settings.from_x_arguments(["edition"])


def test_two_different_values_for_one_setting_are_refused() -> None:
    with pytest.raises(SettingsError, match="given twice"):
        Settings.from_x_arguments(["edition=apache", "edition=community"])


def test_the_apache_edition_is_an_explicit_choice() -> None:
    assert Settings().edition == "community"
    assert Settings.from_x_arguments(["edition=apache"]).edition == "apache"
