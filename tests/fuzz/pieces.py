"""Bytes as a target sends them: pieces, which are drawn from a grammar, cut, crossed and broken.

A case holds `pieces` as text of one character a byte (Latin-1), so that a corpus file can be read.
"""

from collections.abc import Iterator, Sequence
from random import Random  # noqa: TID251 - made from a seed

from tests.fuzz.engine import Case

PIECES_MAX = 200


def text(data: bytes) -> str:
    """Return bytes as a case holds them."""
    return data.decode("latin-1")


def data(case: Case) -> list[bytes]:
    """Return the pieces of a case."""
    return [piece.encode("latin-1") for piece in case["pieces"]]


def cut(rng: Random, whole: bytes) -> list[str]:
    """Cut bytes into reads: mostly few, sometimes of one byte."""
    if rng.random() < 0.5:
        return [text(whole)]
    pieces: list[str] = []
    while whole and len(pieces) < PIECES_MAX - 1:
        size = rng.choice((1, 2, rng.randint(1, 30), rng.randint(1, len(whole))))
        pieces.append(text(whole[:size]))
        whole = whole[size:]
    return [*pieces, *([text(whole)] if whole else [])]


class Pieced:
    """The part of a target that is the same for all whose cases are bytes, in the pieces in which they are sent."""

    tokens: Sequence[bytes]

    def change(self, rng: Random, case: Case, other: Case) -> Case:
        """Return a case with its bytes a little different: a token put in, a part left out, doubled, or taken from `other`."""
        whole = b"".join(data(case))
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            at = rng.randrange(len(whole) + 1)
            size = rng.choice((0, 1, 2, rng.randint(0, 40)))
            match rng.randrange(6):
                case 0:
                    whole = whole[:at] + rng.choice(self.tokens) + whole[at:]
                case 1:
                    whole = whole[:at] + whole[at + max(size, 1) :]
                case 2:
                    whole = whole[:at] + rng.choice(self.tokens) + whole[at + size :]
                case 3:
                    whole = whole[: at + size] + whole[at:]
                case 4:
                    theirs = b"".join(data(other))
                    begin = rng.randrange(len(theirs) + 1)
                    whole = whole[:at] + theirs[begin : begin + rng.randint(1, 200)] + whole[at:]
                case _:
                    whole = whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :]
        return {**case, "pieces": cut(rng, whole[:20_000])}

    def smaller(self, case: Case) -> Iterator[Case]:
        """Yield a case in one read, then with parts left out, large ones first."""
        whole = b"".join(data(case))
        if len(case["pieces"]) > 1:
            yield {**case, "pieces": [text(whole)]}
            yield {**case, "pieces": case["pieces"][:-1]}
        size = len(whole) // 2
        while size:
            for at in range(0, len(whole), size):
                yield {**case, "pieces": [text(whole[:at] + whole[at + size :])]}
            size //= 2

    def likeness(self, case: Case) -> object:
        """Any two cases that show the same are alike."""
        return len(case) > 0

    def complete(self, case: Case) -> Case:
        """Return it with a copy that no run changes."""
        return {"recipe": dict(case), **case}
