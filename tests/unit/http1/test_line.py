"""What a request line that llhttp has nothing to say about is written with."""

from proxy.http1 import line


def test_an_ordinary_target_is_a_path_and_a_query() -> None:
    """RFC 3986 sections 3.3 and 3.4: no byte beyond ASCII, no space, no control, and no `#` for a fragment."""
    assert b"/a%20b;c?d=e&f[]".translate(None, line.ORDINARY) == b"[]"
    assert bytes(range(256)).translate(None, line.ORDINARY)[:33] == bytes(range(33))
    assert b"#" not in line.ORDINARY
    assert max(line.ORDINARY) < 0x7F


def test_methods_and_versions_are_those_served() -> None:
    """No other is forwarded (design 4.3, `method_not_allowed`); versions are of one length."""
    assert set(line.ORDINARY_METHODS.values()) == line.METHODS == {"GET", "POST", "PUT", "DELETE", "PATCH"}
    assert {len(version) for version in line.VERSIONS} == {line.VERSION_BYTES}
