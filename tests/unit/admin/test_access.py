"""Who may see what needs the admin token."""

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from proxy.admin.access import bears
from proxy.admin.serve import serving
from proxy.sensitive import Sensitive
from tests.running import raw

TOKEN = Sensitive("token-0123456789")


@pytest.mark.parametrize("value", ["Bearer token-0123456789", "bearer token-0123456789", "BEARER  token-0123456789 "])
def test_the_token_is_taken(value: str) -> None:
    """As a Bearer token; the scheme's name has no case (RFC 9110 section 11.1)."""
    assert bears(make_mocked_request("GET", "/", headers={"Authorization": value}), TOKEN)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [""],
        ["Bearer"],
        ["Bearer "],
        ["token-0123456789"],
        ["Basic token-0123456789"],
        ["Bearer token-012345678"],
        ["Bearer token-01234567890"],
        ["Bearer Token-0123456789"],
        ["Bearer token-0123456789, Bearer token-0123456789"],
        ["Bearer token-0123456789", "Bearer token-0123456789"],
        ["Bearer token-\u2013123456789"],
    ],
)
def test_nothing_else_is(values: list[str]) -> None:
    """Not half of it, not another scheme, not two fields of which one could be anybody's; none of it is a fault."""
    headers = CIMultiDict(("Authorization", value) for value in values)
    assert not bears(make_mocked_request("GET", "/", headers=headers), TOKEN)


async def test_bytes_that_are_no_text_are_no_token() -> None:
    """Over a real connection, where a field may hold any byte: an answer, and not a fault."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=str(bears(request, TOKEN)))

    async with serving(handle, "127.0.0.1", 0) as (_, port):
        for value in (b"Bearer \xff\xfe", b"Bearer token-0123456789\xff", b"\xff token-0123456789"):
            answer = await raw(port, b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + value + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200 ")
            assert answer.endswith(b"False")
