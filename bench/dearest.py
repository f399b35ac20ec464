"""`python -m bench.dearest`: for each detector, the text that takes it longest for its length, found by a small search.

Begins with pieces of which each nearly is something, and with values that are found; the dearest are put together and changed.
A time is that of the processor, the least of a few. `python -m bench.dearest payment_card phone:US` searches for these only.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from random import Random  # noqa: TID251 - made from a seed
from typing import NamedTuple

from bench.detect import table
from bench.planted import NAMED, PLANTED
from proxy.policy.detectors.scanner import Scanner

SEED = 11
SHORT_BYTES, LONG_BYTES = 1 << 10, 1 << 16
ROUNDS, KEPT, CHANGES = 3, 4, 6
REPEATS = 2

PIECES = (
    "a", "1", "11 ", "1 ", "4111 ", "1\n", "1-", "1.", "1/1", "1_", "a@", "a@a.", "a@a@", "a@b.co ", "@a.co",
    "1.1.1.1.", "1.1.1.1 ", "::", ":1", "1:", "a:", "::1 ", "1::", "+1 ", "+1", "+", "(", "(1", "(1)", "eyJ",
    "eyJaaaaaaaa.", "eyJaaaaaaaa.a.", "sk-", "sk-ant-", "T3BlbkFJ", "GB82", "GB82 ", "GB82 WEST ", "DE00 1", "no12 ",
    "ssn", "ssn 1", "ssn: 123456789 ", "social security number ", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----",
    "AKIA", "aws_secret_key=", "secret_access_key", "cio_api_key=", "cio_app", "customerio_", "xoxb-", "ghp_", "glpat-",
    "\u0301", "4\u0301", "\xb7", "1\xb7", "\uff11", "\u200b1", "e\u0301", "\\n", "1\\n", "123456789 ", "1234567890 ",
    "12345678901 ", "1234567890123456 ", "4155550132 ", "020 7946 0958 ", "1.5e10 ", "1.0000000e1 ", "1.0 ",
    "12345678-A ", "AB 12 34 56 ", "1234567 A", "XXXXXX00A00X000X ", "1.1", "0", "00 ", "4", "4 ", "41111111 ",
    "4111111111111111 ", "411111111111111",
)  # fmt: skip
_SIGNS = "0149aAeE@.:+-_/( \n\u00b7\u0301"


class Dear(NamedTuple):
    """A text, as what it repeats, and how long each of its bytes takes."""

    ns_per_byte: float
    piece: str


def took(scanner: Scanner, piece: str, length: int) -> float:
    """Return how many nanoseconds a byte of a text takes that repeats `piece` up to `length` bytes."""
    text = piece * (length // len(piece.encode()) + 1)
    times = []
    for _ in range(REPEATS):
        began = time.process_time_ns()
        scanner.spans(text)
        times.append(time.process_time_ns() - began)
    return min(times) / len(text.encode())


def changed(rng: Random, best: Sequence[Dear]) -> Iterator[str]:
    """Yield pieces that are like the best ones: two of them, one with a sign more, another or less, one twice with a space."""
    for _, piece in best:
        for _ in range(CHANGES):
            at = rng.randrange(len(piece))
            sign = rng.choice(_SIGNS)
            yield rng.choice(
                [
                    piece + rng.choice(best).piece,
                    piece + rng.choice(PIECES),
                    piece[:at] + sign + piece[at:],
                    piece[:at] + sign + piece[at + 1 :],
                    piece[:at] + piece[at + 1 :],
                    f"{piece} {piece[at:]}",
                ]
            )


def dearest(kind: str) -> Dear:
    """Search for the piece whose repetition takes longest."""
    rng = Random(SEED)  # noqa: S311 - no secret is made
    scanner = Scanner([kind], {})
    planted = [PLANTED[kind](rng).replace(NAMED, "") for _ in range(4)]
    pieces = [
        *PIECES,
        *planted,
        *(f"{value} " for value in planted),
        *(f"{value[:-1]}{ending}" for value in planted for ending in "7 x"),
    ]
    best: list[Dear] = []
    for _ in range(ROUNDS):
        best = sorted({*best, *(Dear(took(scanner, piece, SHORT_BYTES), piece) for piece in pieces if piece)}, reverse=True)[
            :KEPT
        ]
        pieces = [*changed(rng, best)]
    return best[0]


def main() -> None:
    """Search, and print the table."""
    rows = []
    for kind in sys.argv[1:] or PLANTED:
        short, piece = dearest(kind)
        rows.append((took(Scanner([kind], {}), piece, LONG_BYTES), short, kind, piece))
    rows.sort(reverse=True)
    head = ["detector", f"ns per byte of {LONG_BYTES:,}", f"of {SHORT_BYTES:,}", "of a text that repeats"]
    print(table(head, [[kind, f"{long:.0f}", f"{short:.0f}", f"`{ascii(piece)[:80]}`"] for long, short, kind, piece in rows]))


if __name__ == "__main__":
    main()
