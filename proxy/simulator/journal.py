"""Records the requests that arrived, bounded in number and bytes. The oldest are dropped first, and counted."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field

from proxy.simulator.model import MIB, Json, Received
from proxy.simulator.respond import RefusedError, decode, inflate

_INFLATED_BYTES = 32 * MIB
_CODINGS = frozenset({"gzip", "deflate"})


@dataclass(slots=True, eq=False)
class Entry:
    """One request that arrived, and its result.

    `complete` says whether the whole body arrived. `status` is the status of the answer, or None without an answer. `fault` is
    the kind of its scripted fault, and `endpoint` is the name of its row; each may be None.
    """

    number: int
    request: Received
    endpoint: str | None = None
    complete: bool = False
    status: int | None = None
    fault: str | None = field(default=None)

    @property
    def json(self) -> Json:
        """The decoded body; None if it is empty or not JSON."""
        if not self.request.body:
            return None
        try:
            return decode(b"".join(inflate(self.request, _CODINGS, _INFLATED_BYTES)))
        except RefusedError:
            return None

    @property
    def size_bytes(self) -> int:
        """The approximate memory of the entry."""
        request = self.request
        return len(request.target) + len(request.body) + sum(len(name) + len(value) for name, value in request.headers)

    def shown(self) -> Json:
        """Return the entry as the control API shows it."""
        return {
            "number": self.number,
            "method": self.request.method,
            "path": self.request.target,
            "headers": [[name, value] for name, value in self.request.headers],
            "body": base64.b64encode(self.request.body).decode(),
            "json": self.json,
            "status": self.status,
            "endpoint": self.endpoint,
            "complete": self.complete,
            "fault": self.fault,
        }


class Journal:
    """The entries, oldest first."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        """Keep at most `max_records` entries with together `max_bytes` bytes.

        Raises:
            ValueError: a bound is not positive.
        """
        if max_records < 1 or max_bytes < 1:
            raise ValueError("the bounds of the record must be positive")
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._entries: dict[int, Entry] = {}
        self._bytes = 0
        self._last = 0
        self.dropped = 0
        self.malformed = 0  # messages that were not HTTP; nothing of them is kept

    @property
    def entries(self) -> Sequence[Entry]:
        """The recorded entries, oldest first."""
        return tuple(self._entries.values())

    def open(self, request: Received) -> Entry:
        """Start the entry of a request whose head has arrived."""
        self._last += 1
        entry = Entry(self._last, request)
        self._entries[entry.number] = entry
        self._bytes += entry.size_bytes
        self._trim()
        return entry

    def arrived(self, entry: Entry, body: bytes, *, complete: bool) -> None:
        """Add the body, or the part of it that arrived, to an entry."""
        kept = entry.number in self._entries
        before = entry.size_bytes
        entry.request = Received(entry.request.method, entry.request.target, entry.request.headers, body)
        entry.complete = complete
        if kept:
            self._bytes += entry.size_bytes - before
            self._trim()

    def clear(self) -> None:
        """Delete all entries; numbers continue."""
        self._entries.clear()
        self._bytes = self.dropped = self.malformed = 0

    def _trim(self) -> None:
        while len(self._entries) > self._max_records or self._bytes > self._max_bytes:
            oldest = self._entries.pop(next(iter(self._entries)))
            self._bytes -= oldest.size_bytes
            self.dropped += 1
