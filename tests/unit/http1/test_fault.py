"""What fields of a request llhttp takes and we do not; `test_request` has the same seen from a connection."""

import pytest

from proxy.http1.fault import faulty

HOST = {b"host": b"x"}


@pytest.mark.parametrize("http10", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        HOST,
        {b"host": b"[::1]:80"},
        {b"host": b"a%20b:"},
        {b"host": b""},
        HOST | {b"content-length": b"0" * 20},
    ],
)
def test_fields_of_their_kind_are_taken(fields: dict[bytes, bytes], http10: bool) -> None:  # noqa: FBT001  # a column
    """In either version."""
    assert not faulty(fields, http10=http10)


@pytest.mark.parametrize("http10", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {b"host": b"a b"},
        {b"host": b"a/b"},
        {b"host": b"[::1"},
        HOST | {b"transfer-encoding": b"gzip"},
        HOST | {b"transfer-encoding": b"chunked, chunked"},
        HOST | {b"content-length": b"0" * 21},
    ],
)
def test_other_fields_are_a_fault(fields: dict[bytes, bytes], http10: bool) -> None:  # noqa: FBT001  # a column
    """In either version."""
    assert faulty(fields, http10=http10)


@pytest.mark.parametrize(("fields", "http10"), [({}, True), (HOST | {b"transfer-encoding": b"Chunked"}, False)])
def test_what_a_version_allows_is_a_fault_in_the_other(fields: dict[bytes, bytes], http10: bool) -> None:  # noqa: FBT001
    """HTTP/1.0 may lack a host, HTTP/1.1 may be chunked (RFC 9112 sections 3.2 and 6.1)."""
    assert not faulty(fields, http10=http10)
    assert faulty(fields, http10=not http10)
