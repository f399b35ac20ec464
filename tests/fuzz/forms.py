"""Every form in which a secret would be recognisable to whoever reads what leaves."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

from tests.flows.test_leaks import spellings

ROUNDS = 4
# A shorter form stands in anything.
SHORTEST = 6
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/]))')


def unescaped(text: str) -> str:
    """Return a text with the escapes of JSON taken away, once."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[2], text)


@lru_cache(maxsize=64)
def _spelled(secret: str) -> frozenset[bytes]:
    return frozenset(form for form in spellings(secret) if len(form) >= SHORTEST)


def seen(secrets: Iterable[str], *pieces: bytes) -> bool:
    """Say whether one of `secrets` can be read off bytes: as it is, coded, escaped, or several of these over one another."""
    data = b"\n".join(pieces)
    wanted = list(secrets)
    if any(form in data for secret in wanted for form in _spelled(secret)):
        return True
    text = data.decode("utf-8", "replace")
    texts, new = {text}, [text]
    for _ in range(ROUNDS):
        new = [other for each in new for other in (unquote(each), unescaped(each)) if other not in texts]
        texts.update(new)
    # Separators hide nothing in a number; of an address case does not matter.
    bare = [re.sub(r"[^\w@+]", "", secret).casefold() for secret in wanted]
    return any(
        secret.casefold() in each or (plain.isdigit() and plain in re.sub(r"[^\w@+]", "", each))
        for each in map(str.casefold, texts)
        for secret, plain in zip(wanted, bare, strict=True)
    )
