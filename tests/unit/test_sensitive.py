"""A value that cannot print."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable

import orjson
import pytest

from proxy.sensitive import PLACEHOLDER, Sensitive

SECRET = "s3cr3t-key"
HELD = Sensitive(SECRET)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        format,
        lambda held: f"{held}",
        lambda held: f"{held!r}",
        lambda held: f"{held!s}",
        lambda held: f"{held:>40}",
        lambda held: "%s %r" % (held, held),  # noqa: UP031  # logging formats so
        "{}".format,
        "{0!r}".format,
        lambda held: str([held]),
        lambda held: str({"key": held}),
        lambda held: repr(ValueError(held)),
        lambda held: logging.LogRecord("x", 40, "x", 1, "%s", (held,), None).getMessage(),
        lambda held: json.dumps({"key": held}, default=str),
    ],
)
def test_no_way_of_printing_shows_it(show: Callable[[object], str]) -> None:
    """Whatever formats it, by accident or out of habit, shows a fixed text (promise G2)."""
    text = show(HELD)
    assert SECRET not in text
    assert PLACEHOLDER in text


def test_a_traceback_with_its_variables_does_not_show_it() -> None:
    """Reports that print local variables are no way round."""

    def fail(held: Sensitive[str]) -> None:
        raise ValueError(held)

    with pytest.raises(ValueError, match="sensitive") as caught:
        fail(HELD)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "held = " + PLACEHOLDER in "".join(report.format())
    assert f"'{SECRET}'" not in "".join(line for line in report.format() if "held" in line)


@pytest.mark.parametrize("serialise", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, orjson.dumps])
def test_nothing_serialises_it(serialise: Callable[[object], object]) -> None:
    """It does not leave the process in a file, a cache or a copy; the refusal does not quote it."""
    with pytest.raises(TypeError) as caught:
        serialise(HELD)
    assert SECRET not in str(caught.value)


def test_it_is_had_by_asking_for_it() -> None:
    """There is one way, and it is easy to search the code for."""
    assert HELD.reveal() == SECRET


def test_holders_of_equal_values_are_equal() -> None:
    """A secret that was read again can be told from a new one."""
    assert Sensitive(SECRET) == HELD
    assert hash(HELD) == hash(Sensitive(SECRET))
    assert Sensitive("other") != HELD
    assert HELD != SECRET


def test_it_holds_no_place_for_anything_else() -> None:
    """No attribute can be hung on it that would print."""
    with pytest.raises(AttributeError):
        HELD.note = SECRET  # type: ignore[attr-defined]  # what is tried here
