"""What detectors find in a text, as tests compare it."""

from collections.abc import Mapping, Sequence

from proxy.policy.actions import MASK
from proxy.policy.detectors.catalogue import DETECTORS
from proxy.policy.detectors.model import Span
from proxy.policy.detectors.scanner import Scanner

# Every detector there is, with a region for phone numbers.
ALL = (*(name for name in DETECTORS if name != "phone:XX"), "phone:US")


def found(names: str | Sequence[str], text: str, patterns: Mapping[str, str] | None = None) -> list[str]:
    """Return the parts of `text` that the detectors called `names` find."""
    scanner = Scanner([names] if isinstance(names, str) else names, patterns or {})
    return [text[start:end] for start, end, _ in scanner.spans(text)]


def masked(text: str, spans: Sequence[Span]) -> str:
    """Return `text` with each span replaced, as the policy does."""
    pieces, done = [], 0
    for start, end, _ in spans:
        pieces += [text[done:start], MASK]
        done = end
    return "".join((*pieces, text[done:]))
