"""What a request target is matched with, and what is sent in its place."""

from dataclasses import replace

import pytest

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import QUERY_PARAMETERS, SEGMENTS, TARGET_BYTES, Table, encode_query
from proxy.api.model import Bucket, Credential, Replay, Upstream
from proxy.errors import Reason, RefusedError
from tests.unit.api.marked import row

TABLE = Table(ENDPOINTS)
INSPECTING = Table(ENDPOINTS, unknown="inspect")


def refusal(method: str, target: bytes, table: Table = TABLE) -> Reason:
    """Return the reason for which a target is refused."""
    with pytest.raises(RefusedError) as refused:
        table.match(method, target)
    return refused.value.reason


# What SDKs send


@pytest.mark.parametrize(
    ("method", "target", "name", "sent"),
    [
        ("PUT", b"/api/v1/customers/1", "track.v1.identify", b"/api/v1/customers/1"),
        ("PUT", b"/customers/1", "track.v1.identify", b"/api/v1/customers/1"),
        ("POST", b"/batch", "track.v2.batch", b"/api/v2/batch"),
        ("POST", b"/entity", "track.v2.entity", b"/api/v2/entity"),
        ("POST", b"/events", "track.v1.anonymous_event", b"/api/v1/events"),
        ("POST", b"/push/events", "track.v1.push_event", b"/api/v1/push/events"),
        ("POST", b"/api/v1/push/events", "track.v1.push_event", b"/api/v1/push/events"),
        ("POST", b"/unsubscribe/dgOq", "track.v1.unsubscribe", b"/unsubscribe/dgOq"),
        ("POST", b"/api/v1/unsubscribe/dgOq", "track.v1.unsubscribe", b"/unsubscribe/dgOq"),
        ("GET", b"/accounts/region", "track.v1.region", b"/api/v1/accounts/region"),
        ("POST", b"/v1/api/campaigns/3/triggers", "app.v1.broadcast.trigger", b"/v1/campaigns/3/triggers"),
    ],
)
def test_spellings_of_a_base_url(method: str, target: bytes, name: str, sent: bytes) -> None:
    """A call arrives with or without `/api/v1`, as its SDK forms it; what is sent is always the documented path."""
    match = TABLE.match(method, target)
    assert (match.endpoint.name, match.target) == (name, sent)


@pytest.mark.parametrize(
    ("method", "target", "sent"),
    [
        ("PUT", b"/api/v1//customers/1", b"/api/v1/customers/1"),  # Node, slash at the end of `url`
        ("POST", b"//v1/send/email", b"/v1/send/email"),  # Python's APIClient, slash at the end of `url`
        ("PUT", b"//api/v1/customers/1", b"/api/v1/customers/1"),  # Go, slash at the end of WithURL
        ("POST", b"/v1//track", b"/v1/track"),  # Node's PipelinesClient
        ("POST", b"//unsubscribe/dgOq", b"/unsubscribe/dgOq"),  # Node, slash at the end of `url`
        ("POST", b"/api/v2//batch", b"/api/v2/batch"),
        ("POST", b"//batch", b"/api/v2/batch"),
        ("PUT", b"///api///v1///customers/1", b"/api/v1/customers/1"),
    ],
)
def test_slashes_that_sdks_double(method: str, target: bytes, sent: bytes) -> None:
    """Up to the end of the API's prefix a run of slashes is one slash (customerio-api.md 2.1)."""
    assert TABLE.match(method, target).target == sent


JO = "jo+e/x y@ex.com!*'()~é漢"


@pytest.mark.parametrize(
    "spelling",
    [
        b"jo%2Be%2Fx%20y%40ex.com%21%2A%27%28%29~%C3%A9%E6%BC%A2",  # Python, Ruby
        b"jo%2Be%2Fx%20y%40ex.com!*'()~%C3%A9%E6%BC%A2",  # Node
        b"jo+e%2Fx%20y@ex.com%21%2A%27%28%29~%C3%A9%E6%BC%A2",  # Go
        b"jo%2be%2fx%20y%40ex.com%21%2a%27%28%29%7e%c3%a9%e6%bc%a2",  # small digits, and more encoded than needed
    ],
)
def test_one_identifier_in_the_spellings_of_four_sdks(spelling: bytes) -> None:
    """The same person is the same value, and the same bytes upstream (customerio-api.md 2.4)."""
    match = TABLE.match("POST", b"/api/v1/customers/" + spelling + b"/events")
    assert match.path_ids == {"identifier": JO}
    assert match.target == b"/api/v1/customers/jo%2Be%2Fx%20y%40ex.com%21%2A%27%28%29~%C3%A9%E6%BC%A2/events"


def test_a_plus_in_a_path_is_a_plus() -> None:
    """Only a query reads `+` as a space."""
    match = TABLE.match("PUT", b"/api/v1/customers/a+b@c.d")
    assert (match.path_ids["identifier"], match.target) == ("a+b@c.d", b"/api/v1/customers/a%2Bb%40c.d")


def test_an_encoded_percent_is_decoded_once() -> None:
    """`a%20b` as an identifier arrives as `a%2520b`, and leaves as that."""
    match = TABLE.match("PUT", b"/api/v1/customers/a%2520b")
    assert (match.path_ids["identifier"], match.target) == ("a%20b", b"/api/v1/customers/a%2520b")


def test_an_encoded_letter_of_a_literal_segment_is_that_letter() -> None:
    """RFC 3986 section 6.2.2.2: both spellings name the same call, so both meet the same policy."""
    assert TABLE.match("PUT", b"/%61pi/v1/%63ustomers/1").target == b"/api/v1/customers/1"


def test_two_identifiers_in_a_path() -> None:
    """Each parameter gets its own segment, through an alias as well."""
    for prefix in (b"/api/v1", b""):
        match = TABLE.match("DELETE", prefix + b"/customers/a%2Fb/devices/t:k")
        assert match.path_ids == {"identifier": "a/b", "device_id": "t:k"}
        assert match.target == b"/api/v1/customers/a%2Fb/devices/t%3Ak"


def test_a_call_without_parameters_has_none() -> None:
    """Nothing is made up."""
    match = TABLE.match("POST", b"/v1/batch")
    assert (match.path_ids, match.query, match.unnamed_query) == ({}, {}, ())


# Calls that look alike


@pytest.mark.parametrize(
    ("method", "target", "name"),
    [
        ("POST", b"/batch", "track.v2.batch"),
        ("POST", b"/v1/batch", "pipelines.v1.batch"),
        ("POST", b"/api/v2/batch", "track.v2.batch"),
        ("DELETE", b"/customers/1", "track.v1.delete"),
        ("GET", b"/v1/customers/1/attributes", "app.v1.customer.attributes"),
        ("POST", b"/v1/customers", "app.v1.customer.search"),
        ("POST", b"/v1/customers/attributes", "app.v1.customer.list_attributes"),
        ("GET", b"/v1/customers/attributes/attributes", "app.v1.customer.attributes"),
        ("GET", b"/v1/customers/attributes/messages", "app.v1.customer.messages"),
        ("POST", b"/segments/1/add_customers", "track.v1.segment.add"),
        ("GET", b"/v1/segments/1", "app.v1.segment.get"),
        ("POST", b"/v1/exports/customers", "app.v1.export.customers"),
        ("GET", b"/v1/exports/customers", "app.v1.export.get"),
        ("POST", b"/v1/track", "pipelines.v1.track"),
        ("POST", b"/customers/events/events", "track.v1.event"),
        ("GET", b"/v1/campaigns/1/metrics/links", "app.v1.campaign.link_metrics"),
    ],
)
def test_calls_that_look_alike(method: str, target: bytes, name: str) -> None:
    """Prefix, method and whole segments tell calls apart; a literal segment is meant before a parameter."""
    assert TABLE.match(method, target).endpoint.name == name


def test_a_customer_called_like_a_literal_segment_is_a_customer() -> None:
    """An identifier may be any text, even a word of the API."""
    match = TABLE.match("GET", b"/v1/customers/attributes/attributes")
    assert match.path_ids == {"customer_id": "attributes"}
    assert match.target == b"/v1/customers/attributes/attributes"


def test_a_literal_segment_is_meant_before_a_parameter() -> None:
    """Where two rows take a call, the one that spells it out does, in whatever order they stand."""
    item = replace(row("app.v1.export.get"), name="item", path="/v1/things/{export_id}")
    newest = replace(row("app.v1.export.list"), name="newest", path="/v1/things/newest")
    for rows in ([item, newest], [newest, item]):
        table = Table(rows)
        assert table.match("GET", b"/v1/things/newest").endpoint is newest
        assert table.match("GET", b"/v1/things/oldest").endpoint is item


def test_rows_that_take_the_same_calls_are_an_error() -> None:
    """Whichever won, the other's policy would silently not hold."""
    identify = row("track.v1.identify")
    with pytest.raises(ValueError, match=r"track\.v1\.identify and copy match the same calls"):
        Table([identify, replace(identify, name="copy", path="/api/v1/customers/{other}", aliases=())])


# Methods


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PATCH", b"/api/v1/customers/1"),
        ("GET", b"/api/v1/customers/1"),
        ("GET", b"/v1/batch"),
        ("DELETE", b"/v1/customers/attributes"),
        ("PUT", b"/api/v1/customers/jo%40ex.com/events"),
    ],
)
def test_a_known_path_with_another_method(method: str, target: bytes) -> None:
    """It is told apart from an unknown path."""
    assert refusal(method, target) is Reason.METHOD_NOT_ALLOWED


@pytest.mark.parametrize("table", [TABLE, INSPECTING])
@pytest.mark.parametrize("method", ["CONNECT", "HEAD", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("target", [b"/api/v1/customers/1", b"/nothing", b"*", b"track.customer.io:443", b"/api/v1/new"])
def test_methods_that_are_never_sent(table: Table, method: str, target: bytes) -> None:
    """No tunnel, no echo of a credential, no answer without its body, whatever the target."""
    assert refusal(method, target, table) is Reason.METHOD_NOT_ALLOWED


# Targets that are refused


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/new",
        b"/api/v3/entity",
        b"/",
        b"/api/v1",
        b"/api/v1/",  # what Node makes of destroy("..")
        b"/v1",
        b"/v1/send",
        b"/v1/send/email/x",
        b"/send/email",  # the App API is taken under /v1 only
        b"/identify",
        b"/API/v1/customers/1",  # paths are case-sensitive
        b"/api/v1/customers",
        b"/metricsx",
    ],
)
def test_what_no_row_names(target: bytes) -> None:
    """An endpoint the table does not know is denied."""
    assert refusal("POST", target) is Reason.ENDPOINT_NOT_ALLOWED


@pytest.mark.parametrize(
    "target",
    [
        b"http://evil.test/api/v1/customers/1",
        b"https://track.customer.io/api/v1/customers/1",
        b"http:/api/v1/customers/1",
        b"HTTP://track.customer.io/",
        b"track.customer.io:443",
        b"api/v1/customers/1",
        b"*",
        b"",
        b"?",
        b"\\api\\v1\\customers\\1",
    ],
)
def test_not_like_yarl_an_absolute_form_names_no_host(target: bytes) -> None:
    """Only the origin form is taken: a target never says where it goes (RFC 9112 section 3.2.1)."""
    assert refusal("PUT", target) is Reason.MALFORMED_REQUEST


def test_not_like_yarl_two_slashes_name_no_host() -> None:
    """`//host/path` is a path here, and no row's."""
    assert refusal("PUT", b"//evil.test/api/v1/customers/1") is Reason.ENDPOINT_NOT_ALLOWED
    assert TABLE.match("PUT", b"//customers/evil.test").target == b"/api/v1/customers/evil.test"


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/customers/..",
        b"/api/v1/customers/.",
        b"/api/v1/customers/../events",  # Go's track("..")
        b"/api/v1/customers/../../v2/entity",
        b"/api/v1/../v2/entity",
        b"/../api/v1/customers/1",
        b"/./api/v1/customers/1",
        b"/api/v1/customers/1/..",
        b"/api/v1/customers/%2e%2e/%2e%2e/v2/entity",
        b"/api/v1/customers/%2E%2E",
        b"/api/v1/customers/.%2e",
        b"/api/v1/customers/%2e",
        b"/api/v1/customers/1/%2e%2e/2",
        b"/%2e%2e/v2/entity",
    ],
)
def test_dot_segments(target: bytes) -> None:
    """Raw or encoded, in an identifier or outside: they would name another endpoint to whoever resolves them."""
    assert refusal("PUT", target) is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "identifier", [b"..%2F..%2Fv2%2Fentity", b"x%2F..", b"%2F.%2F", b"a%2f%2e%2e%2fb", b"..%5Cx", b"a%5C."]
)
def test_dot_segments_behind_an_encoded_slash(identifier: bytes) -> None:
    """A server that decodes before it routes would resolve them, so no identifier may hold them."""
    assert refusal("PUT", b"/api/v1/customers/" + identifier) is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize("identifier", ["...", ".a", "a..b", "a/..b", "..a/b", "a.", "x/.../y"])
def test_dots_that_are_no_segment(identifier: str) -> None:
    """Dots are ordinary characters in an identifier."""
    target = b"/api/v1/customers/" + identifier.replace("/", "%2F").encode()
    match = TABLE.match("PUT", target)
    assert (match.path_ids["identifier"], match.target) == (identifier, target)


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/customers/",
        b"/api/v1/customers//",
        b"/api/v1/customers//events",
        b"/api/v1/customers/1/",
        b"/api/v1/customers/1//events",
        b"/customers//1",
        b"/v1/send//email",
        b"/api/v1/events/",
        b"/v1/customers//attributes",
    ],
)
def test_an_identifier_is_never_empty(target: bytes) -> None:
    """Behind the prefix a slash too many would be an empty segment, and a shift of what means what."""
    assert refusal("POST", target) is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize("target", [b"/api%2Fv1/customers/1", b"/api/v1%2Fcustomers/1", b"/v1/send%2Femail", b"/customers%2f1"])
def test_an_encoded_slash_separates_nothing(target: bytes) -> None:
    """Outside an identifier it names no segment of the API."""
    assert refusal("PUT", target) is Reason.ENDPOINT_NOT_ALLOWED


@pytest.mark.parametrize(
    "target",
    [
        b"/api/v1/customers/a%00b",
        b"/api/v1/customers/%00",
        b"/api/v1/customers/a\x00b",
        b"/api/v1/customers/a\rb",
        b"/api/v1/customers/a\nb",
        b"/api/v1/customers/a\tb",
        b"/api/v1/customers/a b",
        b"/api/v1/customers/a\x7fb",
        b"/api/v1/customers/\xc3\xa9",
        b"/api/v1/customers/%zz",
        b"/api/v1/customers/%",
        b"/api/v1/customers/a%2",
        b"/api/v1/customers/%2g",
        b"/api/v1/customers/%ff",
        b"/api/v1/customers/%C3",
        b"/api/v1/customers/%C0%AE%C0%AE",  # an overlong `..`
        b"/api/v1/customers/%ED%A0%80",  # a surrogate
        b"/api/v1/customers/1#fragment",
        b"/api/v1/customers/1?a=1#fragment",
        b"/api/v1/customers/1?a=%zz",
        b"/api/v1/customers/1?a=\xff",
        b"/%ff",
    ],
)
def test_bytes_that_no_target_holds(target: bytes) -> None:
    """What is no URI, or not UTF-8, or holds NUL is refused before it is looked up."""
    assert refusal("PUT", target) is Reason.MALFORMED_REQUEST


def test_what_is_malformed_is_malformed_in_an_unknown_path_too() -> None:
    """What cannot be read is said to be unreadable, not unknown."""
    assert refusal("POST", b"/new/../x") is Reason.MALFORMED_REQUEST
    assert refusal("POST", b"/new//x") is Reason.MALFORMED_REQUEST


def test_other_control_characters_in_an_identifier_stay_encoded() -> None:
    """A stray line break of a careless import is an identifier like any other, and never raw on the wire."""
    match = TABLE.match("PUT", b"/api/v1/customers/a%0D%0Ab")
    assert (match.path_ids["identifier"], match.target) == ("a\r\nb", b"/api/v1/customers/a%0D%0Ab")


def test_a_target_is_bounded() -> None:
    """In bytes, plain or encoded, and in segments; the longest one allowed passes."""
    longest = b"/api/v1/customers/" + b"a" * (TARGET_BYTES - len(b"/api/v1/customers/"))
    assert TABLE.match("PUT", longest).target == longest
    assert refusal("PUT", longest + b"a") is Reason.MALFORMED_REQUEST
    assert refusal("PUT", longest[:-2] + b"%41") is Reason.MALFORMED_REQUEST
    assert refusal("PUT", b"/a" * SEGMENTS) is Reason.ENDPOINT_NOT_ALLOWED
    assert refusal("PUT", b"/a" * (SEGMENTS + 1)) is Reason.MALFORMED_REQUEST


# Queries


def test_only_named_parameters_are_sent() -> None:
    """Others are dropped: no row means no reader, and no policy."""
    match = TABLE.match("GET", b"/v1/customers/1/messages?ssn=123&limit=5&id_type=email&Limit=6&x")
    assert match.target == b"/v1/customers/1/messages?id_type=email&limit=5"
    assert match.query == {"id_type": "email", "limit": "5"}
    assert match.unnamed_query == ()


def test_a_query_of_nothing_named_leaves_nothing_behind() -> None:
    """Not even its question mark."""
    for query in (b"?", b"?&", b"?ssn=123", b"?a=?b"):
        assert TABLE.match("PUT", b"/api/v1/customers/1" + query).target == b"/api/v1/customers/1"


@pytest.mark.parametrize(
    ("query", "email", "sent"),
    [
        (b"email=jo%2Be%40ex.com", "jo+e@ex.com", b"email=jo%2Be%40ex.com"),
        (b"email=jo+e@ex.com", "jo e@ex.com", b"email=jo%20e%40ex.com"),  # what Customer.io would read
        (b"email=jo%20e", "jo e", b"email=jo%20e"),
        (b"e%6Dail=a", "a", b"email=a"),
        (b"email=a=b&x", "a=b", b"email=a%3Db"),
        (b"email=a;b=c", "a;b=c", b"email=a%3Bb%3Dc"),  # a semicolon separates nothing
        (b"email=a?b/c", "a?b/c", b"email=a%3Fb%2Fc"),
        (b"email=", "", b"email="),
        (b"email", "", b"email="),
        (b"email=%C3%A9", "é", b"email=%C3%A9"),
    ],
)
def test_values_of_a_query(query: bytes, email: str, sent: bytes) -> None:
    """They are read as Customer.io reads them, and written so that nobody can read them otherwise."""
    match = TABLE.match("GET", b"/v1/customers?" + query)
    assert (match.query, match.target) == ({"email": email}, b"/v1/customers?" + sent)


def test_a_named_parameter_occurs_once() -> None:
    """Of two, a reader may take either."""
    assert refusal("GET", b"/v1/customers?email=a&email=b") is Reason.MALFORMED_REQUEST
    assert refusal("GET", b"/v1/customers?email=a&e%6dail=a") is Reason.MALFORMED_REQUEST
    assert TABLE.match("GET", b"/v1/customers?email=a&x=1&x=2").query == {"email": "a"}


@pytest.mark.parametrize("query", [b"email=%00", b"%00=1", b"x=%ff", b"%ff=1", b"email=%ED%A0%80"])
def test_text_that_no_query_holds(query: bytes) -> None:
    """NUL and what is not UTF-8 are refused, in a parameter that would be dropped as well."""
    assert refusal("GET", b"/v1/customers?" + query) is Reason.MALFORMED_REQUEST


def test_a_query_is_bounded() -> None:
    """In parameters, empty ones included."""
    most = b"&".join([b"a=1"] * (QUERY_PARAMETERS - 1))
    assert TABLE.match("GET", b"/v1/customers?email=a&" + most).query == {"email": "a"}
    assert refusal("GET", b"/v1/customers?email=a&a&" + most) is Reason.MALFORMED_REQUEST
    assert refusal("GET", b"/v1/customers?" + b"&" * QUERY_PARAMETERS) is Reason.MALFORMED_REQUEST


def test_encode_query() -> None:
    """Separators inside names and values are encoded, a space never as a plus."""
    assert encode_query([("a b", "c+d"), ("e&f", "g=h"), ("i", "")]) == b"a%20b=c%2Bd&e%26f=g%3Dh&i="
    assert encode_query([]) == b""


# Unknown endpoints, inspected


@pytest.mark.parametrize(
    ("target", "name", "upstream", "credential"),
    [
        (b"/api/v1/new", "unknown.track", Upstream.TRACK, Credential.TRACK),
        (b"/api/v3/entity", "unknown.track", Upstream.TRACK, Credential.TRACK),
        (b"/v1/new/thing", "unknown.app", Upstream.APP, Credential.APP),
    ],
)
def test_an_unknown_endpoint_is_guessed_by_its_prefix(
    target: bytes, name: str, upstream: Upstream, credential: Credential
) -> None:
    """It is sent to the API its prefix belongs to, never repeated, and nothing of it is exempt."""
    match = INSPECTING.match("PUT", target)
    endpoint = match.endpoint
    assert (endpoint.name, endpoint.upstream, endpoint.credential) == (name, upstream, credential)
    assert endpoint.bucket in (Bucket.TRACK, Bucket.APP)
    assert endpoint.replay is Replay.NEVER
    assert not endpoint.identifiers
    assert not endpoint.routing
    assert match.target == target


def test_an_unknown_endpoint_is_written_anew_too() -> None:
    """Its path is canonical; all of its parameters are handed out for the policy, and none is in the target yet."""
    match = INSPECTING.match("POST", b"//api/v1//new/a@b%2Fc?ssn=1&x=a+b&x=%26&y")
    assert match.target == b"/api/v1/new/a%40b%2Fc"
    assert match.unnamed_query == [("ssn", "1"), ("x", "a b"), ("x", "&"), ("y", "")]
    assert (match.query, match.path_ids) == ({}, {})


def test_a_method_the_table_does_not_know_is_inspected() -> None:
    """An endpoint is a method and a path; upstream says itself what it takes."""
    assert INSPECTING.match("PATCH", b"/api/v1/customers/1").endpoint.name == "unknown.track"


def test_a_known_endpoint_is_not_unknown() -> None:
    """Inspecting changes nothing for what the table names, and drops the same parameters."""
    match = INSPECTING.match("PUT", b"/customers/1?ssn=1")
    assert (match.endpoint.name, match.unnamed_query) == ("track.v1.identify", ())


@pytest.mark.parametrize("target", [b"/new", b"/send/email", b"/", b"/api", b"/v1", b"/apix/y", b"/v1x/y"])
def test_what_has_no_prefix_cannot_be_guessed(target: bytes) -> None:
    """It is denied even so."""
    assert refusal("POST", target, INSPECTING) is Reason.ENDPOINT_NOT_ALLOWED


def test_an_unknown_method_is_not_inspected() -> None:
    """Only methods whose meaning is known are sent on."""
    assert refusal("PURGE", b"/api/v1/new", INSPECTING) is Reason.ENDPOINT_NOT_ALLOWED


@pytest.mark.parametrize("target", [b"/api/v1/../new", b"/api/v1/new/", b"/api/v1/%00", b"http://evil.test/api/v1/new"])
def test_what_is_malformed_is_not_inspected(target: bytes) -> None:
    """Inspecting takes no other targets, only other endpoints."""
    assert refusal("POST", target, INSPECTING) is Reason.MALFORMED_REQUEST
