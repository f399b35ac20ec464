"""App rows about people."""

import pytest

from proxy.api.model import Bucket, Credential, Identifier, Replay, Upstream
from proxy.api.people import PEOPLE
from tests.unit.api.marked import EXEMPT, PLAIN, misjudged, row

CONDITION = {
    "and": [{"attribute": {"field": EXEMPT, "operator": EXEMPT, "value": EXEMPT}}, {"not": {"segment": {"id": EXEMPT}}}]
}
BODIES = {
    "app.v1.customer.search": {"filter": CONDITION, "email": PLAIN},
    "app.v1.customer.list_attributes": {"ids": [EXEMPT], "emails": [PLAIN]},
    "app.v1.object.search": {"object_type_id": EXEMPT, "filter": CONDITION, "name": PLAIN},
    "app.v1.customer.optouts.update": {"optouts": [{"from": EXEMPT, "reason": PLAIN}], "note": PLAIN},
    "app.v1.export.customers": {"filters": CONDITION, "filter": {"value": PLAIN}},
    "app.v1.export.deliveries": {"newsletter_id": EXEMPT, "attributes": [PLAIN]},
    "app.v1.import.create": {
        "import": {"data_file_url": EXEMPT, "type": EXEMPT, "identifier": EXEMPT, "name": PLAIN, "description": PLAIN}
    },
}


@pytest.mark.parametrize("name", BODIES)
def test_positions(name: str) -> None:
    """A filter is exempt as a whole, because one changed operand answers with other people; beside it only what selects is."""
    assert misjudged(name, BODIES[name]) == []


def test_the_bodies_above_cover_every_row_that_has_positions() -> None:
    """No row's positions go untested."""
    assert {endpoint.name for endpoint in PEOPLE if endpoint.identifiers or endpoint.routing} == set(BODIES)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("app.v1.customer.find", {"email": Identifier.EMAIL}),
        ("app.v1.customer.attributes", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.customer.activities", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.customer.messages", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.customer.segments", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.customer.subscription_preferences", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.customer.optouts", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.customer.optouts.update", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.optout.list", {}),
        ("app.v1.customer.relationships", {"customer_id": Identifier.ID}),
        ("app.v1.subscription.center_token", {"customer_id": Identifier.ID}),
        ("app.v1.activity.list", {"customer_id": Identifier.BY_ID_TYPE}),
        ("app.v1.suppression.search", {"email": Identifier.EMAIL}),
        ("app.v1.suppression.create", {"email": Identifier.EMAIL}),
        ("app.v1.suppression.delete", {"email": Identifier.EMAIL}),
        ("app.v1.suppression.list", {"email": Identifier.EMAIL}),
        ("app.v1.suppression.list_by_domain", {"email": Identifier.EMAIL}),
    ],
)
def test_people_in_paths_and_queries(name: str, places: dict[str, Identifier]) -> None:
    """Exactly these parameters of paths and queries name a person, each by its kind."""
    endpoint = row(name)
    persons = {key: kind for key, kind in {**endpoint.path_ids, **endpoint.query}.items() if kind is not Identifier.OPAQUE}
    assert persons == places


def test_no_other_row_names_a_person_by_path_or_query() -> None:
    """An object, a segment or an export is no person."""
    others = [endpoint for endpoint in PEOPLE if endpoint.name.split(".")[2] in {"object", "segment", "export", "import"}]
    assert others
    for endpoint in others:
        assert set({**endpoint.path_ids, **endpoint.query}.values()) <= {Identifier.OPAQUE}


def test_an_id_type_is_sent_on_wherever_it_decides() -> None:
    """Where `id_type` says what an identifier is, dropping it would ask about someone else."""
    for endpoint in PEOPLE:
        if Identifier.BY_ID_TYPE in {**endpoint.path_ids, **endpoint.query}.values():
            assert "id_type" in endpoint.query


def test_only_what_creates_or_starts_something_is_unsafe_to_repeat() -> None:
    """Searching and suppressing twice does no more than doing it once."""
    never = {endpoint.name for endpoint in PEOPLE if endpoint.replay is Replay.NEVER}
    assert never == {
        "app.v1.segment.create",
        "app.v1.export.customers",
        "app.v1.export.deliveries",
        "app.v1.import.create",
    }


def test_all_go_to_the_app_host() -> None:
    """The App API has one host, one key and, but for sends, one quota."""
    assert {(row.upstream, row.credential, row.bucket) for row in PEOPLE} == {(Upstream.APP, Credential.APP, Bucket.APP)}
