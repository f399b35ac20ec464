"""An application as bytes: writes exactly what it is told to, and reads answers by the letter of RFC 9112, one by one."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from proxy.errors import Reason
from tests.flows.test_answers import refusal

ANSWER_SECONDS = 10.0
CONTINUE = 100

_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5]\d\d) [^\r\n\0]*")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\r\n\0]*)")
_CHUNK_SIZE = re.compile(rb"[0-9a-f]+\r\n")


@dataclass(frozen=True)
class Told:
    """One answer; `fields` has names as they came."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends with it."""
        return self.fields.get("Connection") == "close"

    @property
    def reason(self) -> Reason | None:
        """Why the sidecar refused, or None for an answer of Customer.io's; either is checked to be well-formed."""
        if self.fields["X-CIO-Sidecar"] == "forwarded":
            return None
        if not self.body:  # to a HEAD request
            return Reason(self.fields["X-CIO-Sidecar"].removeprefix("refused; reason="))
        return Reason(refusal(self.status, self.fields, self.body))


class BrokenOffError(Exception):
    """The connection ended inside an answer, of whose body `body` had come."""

    def __init__(self, body: bytes) -> None:
        """Keep what had come."""
        super().__init__(len(body))
        self.body = body


class Caller:
    """One connection of an application."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak over a connected stream."""
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send `data`; a sidecar that has closed is no error here, what it answered is."""
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def drip(self, data: bytes) -> None:
        """Send `data` in pieces of one byte."""
        for at in range(len(data)):
            await self.send(data[at : at + 1])

    def half_close(self) -> None:
        """Send nothing more."""
        self._writer.write_eof()

    async def read(self, *, head_only: bool = False) -> Told | None:
        """Return the next answer, or None where the connection ends instead.

        Raises:
            BrokenOffError: it ends inside an answer.
            AssertionError: what comes is not an answer.
        """
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as error:
                assert not error.partial, error.partial  # noqa: PT017  # not the error is checked, but what came before it
                return None
            except ConnectionError:
                return None
            status, fields = _head(head)
            if status == CONTINUE:
                assert not fields
                return Told(status, fields, b"")
            body = b"" if head_only else await self._body(status, fields)
        return Told(status, fields, body)

    async def _body(self, status: int, fields: dict[str, str]) -> bytes:
        """Read the body of an answer (RFC 9112 section 6.3)."""
        body = bytearray()
        if status == 204:  # RFC 9110 section 15.3.5
            assert not fields.keys() & {"Content-Length", "Transfer-Encoding"}
            return b""
        try:
            if "Content-Length" in fields:
                assert "Transfer-Encoding" not in fields
                await self._take(body, int(fields["Content-Length"]))
            elif "Transfer-Encoding" in fields:
                assert fields["Transfer-Encoding"] == "chunked"
                while size := await self._chunk_size():
                    await self._take(body, size)
                    assert await self._reader.readexactly(2) == b"\r\n"
                assert await self._reader.readexactly(2) == b"\r\n"
            else:
                assert fields["Connection"] == "close"
                body += await self._reader.read()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise BrokenOffError(bytes(body)) from error
        return bytes(body)

    async def _take(self, body: bytearray, size: int) -> None:
        """Read `size` bytes, and keep what had come if the connection ends before them."""
        end = len(body) + size
        while len(body) < end:
            data = await self._reader.read(end - len(body))
            if not data:
                raise ConnectionError
            body += data

    async def _chunk_size(self) -> int:
        line = await self._reader.readuntil(b"\r\n")
        assert _CHUNK_SIZE.fullmatch(line), line
        return int(line, 16)

    async def close(self) -> None:
        """End the connection."""
        self._writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self._writer.wait_closed()


@asynccontextmanager
async def calling(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[Caller]:
    """Connect to the sidecar until the block ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None)
    caller = Caller(reader, writer)
    try:
        yield caller
    finally:
        await caller.close()


def _head(data: bytes) -> tuple[int, dict[str, str]]:
    line, *lines = data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    status = _STATUS_LINE.fullmatch(line)
    assert status, data
    found = [_FIELD.fullmatch(line) for line in lines]
    assert None not in found, data
    fields = {match[1].decode(): match[2].decode("latin-1") for match in found if match is not None}
    assert len({name.lower() for name in fields}) == len(lines), data  # none is repeated
    return int(status[1]), fields
