"""Where messages end, and how much of them is not content: what both sides need and llhttp does not tell.

llhttp says that a message has ended, but not at which byte of what it was fed, and it swallows empty lines behind it without
a word. So each side feeds it no more than belongs to one message, and what follows is known exactly. In llhttp's strict mode
* a head ends with the first empty line (RFC 9112 section 2.1), because bare line feeds and folded lines are errors;
* a chunked body ends with an empty line behind a line that is not empty (section 7.1).
"""

import re
from collections.abc import Iterator
from typing import Final

EMPTY_LINE: Final = b"\r\n\r\n"
# The least framing of the least chunk: six bytes for one of content. What takes more than this is not meant to carry any.
FRAMING_PER_CONTENT_BYTE = 8
# No Content-Length that llhttp can count has more digits, but for leading zeros.
MAX_LENGTH_DIGITS = 20

_LINE_FEED = 0x0A
_TAIL_BYTES = len(EMPTY_LINE)
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class ChunkedBody:
    """A chunked body on its way to llhttp: where it may end, and whether it is mostly framing.

    Endless chunk extensions and trailers fire no callback (RFC 9112 sections 7.1.1 and 7.1.2), so raw bytes are counted:
    no more than `slack_bytes` of them without a byte of content in any read of it, and of all framing no more than
    `slack_bytes` and `FRAMING_PER_CONTENT_BYTE` for each byte of content.
    """

    __slots__ = ("_content_bytes", "_raw_bytes", "_silent_bytes", "_slack_bytes", "_tail")

    def __init__(self, slack_bytes: int) -> None:
        """Begin right behind the head."""
        self._slack_bytes = slack_bytes
        self._content_bytes = 0
        self._raw_bytes = 0
        self._silent_bytes = 0  # since the last read with content in it
        self._tail = b""  # the last bytes before what comes next

    def ends(self, data: bytes) -> Iterator[int]:
        """Yield each offset in `data` at which the body may have ended, and at last the length of `data`."""
        known = len(self._tail)
        window = self._tail + data
        self._tail = window[-_TAIL_BYTES:]
        end = 0
        at = window.find(EMPTY_LINE)
        while at >= 0:
            if at and window[at - 1] != _LINE_FEED:
                end = at + len(EMPTY_LINE) - known
                yield end
            at = window.find(EMPTY_LINE, at + 2)
        if end < len(data):
            yield len(data)

    def excessive(self, read_bytes: int, content_bytes: int) -> bool:
        """Say whether too much of the body is framing: `read_bytes` came now, `content_bytes` is all content so far."""
        self._raw_bytes += read_bytes
        self._silent_bytes = self._silent_bytes + read_bytes if content_bytes == self._content_bytes else 0
        self._content_bytes = content_bytes
        return (
            self._silent_bytes > self._slack_bytes
            or self._raw_bytes - content_bytes > self._slack_bytes + FRAMING_PER_CONTENT_BYTE * content_bytes
        )


class Dropped(dict[bytes, bytes]):
    """The header fields nobody asked for: trailers. It stays empty."""

    def __setitem__(self, name: bytes, value: bytes) -> None:
        """Keep nothing."""


DROPPED = Dropped()


def without_upgrade(head: bytes) -> bytes:
    """Return `head` without what makes llhttp take all that follows it for another protocol (RFC 9110 section 7.8)."""
    return _UPGRADE.sub(b"\r\nX-Upgrade:", head)
