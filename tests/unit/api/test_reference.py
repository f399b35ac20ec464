"""The page about endpoints."""

from pathlib import Path

from proxy.api.endpoints import ENDPOINTS
from proxy.api.reference import page

PAGE = Path(__file__).parents[3] / "docs" / "endpoints.md"


def test_the_page_is_fresh() -> None:
    """`docs/endpoints.md` says what the table says; `python -m proxy.api.reference > docs/endpoints.md` makes it so."""
    assert PAGE.read_text() == page()


def test_the_page_lists_every_endpoint_once() -> None:
    """Each row stands in exactly one of the tables of calls."""
    calls = page().split("## Exempt positions")[0]
    for endpoint in ENDPOINTS:
        assert calls.count(f"| `{endpoint.name}` |") == 1
