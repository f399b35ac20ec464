"""How a corpus is written: cases in groups, each with its outcome in words and the rule that it follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from proxy.errors import ANSWERS, Reason

SHOWN_CHARACTERS = 60


class Row(Protocol):
    """What every case has."""

    @property
    def name(self) -> str:
        """What it is called, in its group."""

    @property
    def rule(self) -> str:
        """What decides, or nothing where the rule of its group does."""

    @property
    def outcome(self) -> str:
        """What comes of it, in words."""


R = TypeVar("R", bound=Row)
R_co = TypeVar("R_co", bound=Row, covariant=True)


@dataclass(frozen=True)
class Group(Generic[R_co]):
    """Cases on one subject; `rule` is what decides, where a case does not name another."""

    title: str
    rule: str
    cases: tuple[R_co, ...]


def group(title: str, rule: str, *cases: R | Sequence[R]) -> Group[R]:
    """Return a group of cases, which may stand in lists."""
    flat: list[R] = []
    for case in cases:
        flat += case if isinstance(case, Sequence) else [case]
    return Group(title, rule, tuple(flat))


def by_name(groups: Iterable[Group[R]]) -> dict[str, R]:
    """Return the cases of `groups` under the names of group and case.

    Raises:
        ValueError: two cases of a group have one name.
    """
    found: dict[str, R] = {}
    for each in groups:
        for case in each.cases:
            name = f"{each.title}: {case.name}"
            if name in found:
                raise ValueError(f"{name}, twice")
            found[name] = case
    return found


def shown(data: bytes) -> str:
    """Return bytes as they are named on a page: in backticks, without what does not print, and not without an end."""
    text = data.decode("utf-8", "backslashreplace")
    text = "".join(each if each.isprintable() and each not in "`|" else f"\\x{ord(each):02x}" for each in text)
    if not text:
        return "nothing"
    return f"`{text}`" if len(text) <= SHOWN_CHARACTERS else f"`{text[:SHOWN_CHARACTERS]}`…"


def refusal(reason: Reason) -> str:
    """Return how a refusal is named."""
    return f"{ANSWERS[reason].status} `{reason}`"
