"""App rows about content."""

from proxy.api.content import CONTENT
from proxy.api.model import Bucket, Credential, Identifier, Replay, Upstream
from tests.unit.api.marked import EXEMPT, PLAIN, misjudged


def test_no_row_names_a_person() -> None:
    """Campaigns, templates and assets are nobody's data, so nothing of them is an identifier."""
    for endpoint in CONTENT:
        assert not endpoint.identifiers
        assert set({**endpoint.path_ids, **endpoint.query}.values()) <= {Identifier.OPAQUE}


def test_a_snippet_is_found_by_its_name() -> None:
    """The name selects what an update replaces; its value is content."""
    for name in ("app.v1.snippet.create", "app.v1.snippet.update"):
        assert misjudged(name, {"name": EXEMPT, "value": PLAIN}) == []


def test_creating_sending_and_scheduling_is_never_repeated() -> None:
    """A repeated POST makes a second one; only metadata that is set by name may be set again."""
    safe_posts = {row.name for row in CONTENT if row.method == "POST" and row.replay is Replay.SAFE}
    assert safe_posts == {"app.v1.data_index.attributes", "app.v1.data_index.events"}
    assert {row.replay for row in CONTENT if row.method != "POST"} == {Replay.SAFE}


def test_all_go_to_the_app_host() -> None:
    """The App API has one host, one key and, but for sends, one quota."""
    assert {(row.upstream, row.credential, row.bucket) for row in CONTENT} == {(Upstream.APP, Credential.APP, Bucket.APP)}
