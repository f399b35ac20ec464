"""Where messages end, and how much of them is not content: what both sides need and llhttp does not tell.

llhttp says that a message has ended, but not at which byte of what it was fed, and it swallows empty lines behind it without
a word. So each side feeds it no more than belongs to one message, and what follows is known exactly. In llhttp's strict mode
* a head ends with the first empty line (RFC 9112 section 2.1), because bare line feeds and folded lines are errors;
* a chunked body ends with an empty line behind a line that is not empty (section 7.1).
"""

import re
from typing import Final

EMPTY_LINE: Final = b"\r\n\r\n"
# The least framing of the least chunk: six bytes for one of content. What takes more than this is not meant to carry any.
FRAMING_PER_CONTENT_BYTE: Final = 8
# No Content-Length that llhttp can count has more digits, but for leading zeros.
MAX_LENGTH_DIGITS: Final = 20

# A connection that so much was read from is read no more in this turn of the event loop; libuv would go on up to 32 times.
LARGE_READ_BYTES: Final = 65_536
# What one connection may have llhttp do in one turn of the event loop, so that chunks of one byte delay nobody else. llhttp is
# fed in steps; a turn ends with the step in which it has had so many of them, or so many bytes that were not content.
STEP_BYTES: Final = 2048
STEPS_PER_TURN: Final = 256
FRAMING_BYTES_PER_TURN: Final = 2048
# How often llhttp calls back in a turn, at most: for each field of a trailer (four bytes or more), for the content of each
# chunk (five bytes or more around it), and for each step that ends inside of one.
CALLS_PER_TURN: Final = (FRAMING_BYTES_PER_TURN + STEP_BYTES) // 4 + STEPS_PER_TURN

_TAIL_BYTES: Final = len(EMPTY_LINE)
_END: Final = re.compile(rb"[^\n]\r\n\r\n")
_UPGRADE: Final = re.compile(rb"\r\nupgrade:", re.IGNORECASE)


class ChunkedBody:
    """A chunked body on its way to llhttp: how much it is fed next, when a turn is over, whether the body is mostly framing.

    Endless chunk extensions and trailers fire no callback (RFC 9112 sections 7.1.1 and 7.1.2), so raw bytes are counted:
    no more than `slack_bytes` of them in steps without a byte of content, and of all framing no more than `slack_bytes` and
    `FRAMING_PER_CONTENT_BYTE` for each byte of content.
    """

    __slots__ = ("_content_bytes", "_raw_bytes", "_silent_bytes", "_slack_bytes", "_tail", "_turn_framing_bytes", "_turn_steps")

    def __init__(self, slack_bytes: int) -> None:
        """Begin right behind the head."""
        self._slack_bytes = slack_bytes
        self._content_bytes = 0
        self._raw_bytes = 0
        self._silent_bytes = 0  # since the last step with content in it
        self._tail = b""  # the last bytes before the next step
        self._turn_steps = 0
        self._turn_framing_bytes = 0

    def begin_turn(self) -> None:
        """Count the steps and the framing of a new turn."""
        self._turn_steps = self._turn_framing_bytes = 0

    @property
    def turn_over(self) -> bool:
        """Whether the rest of what has come has to wait for another turn."""
        return self._turn_steps >= STEPS_PER_TURN or self._turn_framing_bytes >= FRAMING_BYTES_PER_TURN

    def step(self, data: bytes | bytearray, start: int) -> int:
        """Return where the step that begins at `start` ends: no further than where the body may have ended."""
        tail = self._tail
        window = tail + data[start : start + STEP_BYTES]
        if window.find(EMPTY_LINE) >= 0 and (found := _END.search(window)) is not None:
            window = window[: found.end()]
        self._tail = window[-_TAIL_BYTES:]
        return start + len(window) - len(tail)

    def excessive(self, step_bytes: int, content_bytes: int) -> bool:
        """Say whether too much of the body is framing, after a step; `content_bytes` is all content so far."""
        new_bytes = content_bytes - self._content_bytes
        self._content_bytes = content_bytes
        self._raw_bytes += step_bytes
        self._silent_bytes = 0 if new_bytes else self._silent_bytes + step_bytes
        self._turn_steps += 1
        self._turn_framing_bytes += step_bytes - new_bytes
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
