"""The values that the tables are made of."""

from proxy.simulator.model import Api, Received, Reply, Workspace, always, anything


def test_a_workspace_does_not_show_its_credentials() -> None:
    """Whatever prints a workspace prints no key."""
    shown = repr(Workspace("site-1", "key-1", "app-1", "write-1"))
    assert not [secret for secret in ("site-1", "key-1", "app-1", "write-1") if secret in shown]


def test_hosts_follow_the_region() -> None:
    """Each API has a host of its own in each region."""
    hosts = {(region, api): Workspace(region=region).host(api) for region in ("us", "eu") for api in Api}
    assert hosts == {
        ("us", Api.TRACK): "track.customer.io",
        ("us", Api.APP): "api.customer.io",
        ("us", Api.PIPELINES): "cdp.customer.io",
        ("eu", Api.TRACK): "track-eu.customer.io",
        ("eu", Api.APP): "api-eu.customer.io",
        ("eu", Api.PIPELINES): "cdp-eu.customer.io",
    }


def test_headers_are_found_whatever_their_case() -> None:
    """All values of a header come, in order, however it is spelled."""
    request = Received("GET", "/", (("X-A", "1"), ("x-b", "2"), ("x-a", "3")))
    assert request.values("x-a") == ["1", "3"]
    assert request.values("x-c") == []


def test_a_header_given_to_a_reply_replaces_its_own() -> None:
    """No header goes out twice because its case differs."""
    reply = Reply(200, b"{}", {"Content-Type": "application/json", "X-A": "1"}).having({"content-type": "text/html"})
    assert reply == Reply(200, b"{}", {"X-A": "1", "content-type": "text/html"})


def test_anything_finds_nothing_wrong() -> None:
    """The check of an endpoint that does not look at its body."""
    assert list(anything("field", [None])) == []


def test_always_answers_the_same() -> None:
    """The answer of an endpoint that does not look at its call."""
    assert always({"a": 1})(None) == {"a": 1}  # type: ignore[arg-type]  # the call is not looked at
