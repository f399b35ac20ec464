"""The App API's people and account: answers are plausible, and what the SDK must name is checked."""

import pytest

from proxy.simulator.model import Json
from tests.unit.simulator.calls import ROWS, ask, call, well_formed


def test_the_person_found_has_the_address_asked_for() -> None:
    """A lookup by an encoded address finds somebody with exactly that address."""
    answer = ask(well_formed(ROWS["app.customers.by_email"]))
    assert answer.json["results"] == [{"cio_id": "a3000001", "id": "5", "email": "ada+news@example.com"}]


def test_a_raw_plus_finds_nobody() -> None:
    """A `+` that was not encoded is a space: the answer is 200 and empty, as the vendor warns."""
    answer = call("app.customers.by_email", b"", "/v1/customers?email=ada+news%40example.com")
    assert (answer.status, answer.json) == (200, {"results": []})


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("app.customers.search", {}, "filter is required"),
        ("app.customers.attributes_of_many", {"ids": []}, "ids must hold 1 or more items"),
        ("app.customers.attributes_of_many", {"ids": ["5"] * 101}, "ids must not hold more than 100 items"),
        ("app.objects.find", {"filter": {}}, "object_type_id is required"),
        ("app.segments.create", {"segment": {}}, "segment.name is required"),
        ("app.exports.customers", {}, "filters is required"),
        ("app.exports.deliveries", {}, "newsletter_id is required"),
        ("app.imports.create", {"import": {"type": "people"}}, "import.data_file_url is required"),
        ("app.data_index.attributes", {"attributes": [{}]}, "attributes.name is required"),
        ("app.data_index.events", {"events": []}, "events must hold 1 or more items"),
    ],
)
def test_a_write_without_what_it_needs_is_a_400(name: str, body: Json, message: str) -> None:
    """Errors of the App API come as `errors[].detail` with the status as text."""
    answer = call(name, body)
    assert answer.status == 400
    assert answer.json == {"errors": [{"detail": message, "status": "400"}]}
