"""Identifiers over generated requests for every endpoint: nothing that is replaced leaves raw, and a person stays one."""

import contextlib
import copy
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Match, Table
from proxy.api.model import Endpoint, Identifier
from proxy.payload.encode import encode
from proxy.policy.actions import HmacHasher
from proxy.policy.compile import Policy, compile_policy
from proxy.policy.fields import DeniedError
from proxy.policy.identity import Pseudonyms
from proxy.policy.model import PolicyDocument
from proxy.policy.names import normal_form
from proxy.policy.people import ID_KEYS
from proxy.sensitive import Sensitive

KEY = Sensitive(b"pepper-0123456789")
HASHING = {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k2"}
KINDS = ("id", "email", "phone", "anonymous_id")
TABLE = Table(ENDPOINTS)
PLAIN = compile_policy(PolicyDocument.model_validate({"version": 1, "hash": HASHING}), ENDPOINTS, KEY)
POLICIES: Mapping[tuple[str, ...], Policy] = {
    kinds: compile_policy(
        PolicyDocument.model_validate({"version": 1, "hash": HASHING, "identifiers": dict.fromkeys(kinds, "hmac")}),
        ENDPOINTS,
        KEY,
    )
    for kinds in (KINDS, ("email",), ("id",), ("phone",), ("email", "phone"))
}
NAMED = Pseudonyms(HmacHasher(KEY, "k2", 32), [Identifier(kind) for kind in KINDS], [])


@dataclass(frozen=True)
class Someone:
    """A person by what they are called: one canonical spelling for each kind, and others of the same."""

    spellings: dict[Identifier, tuple[Any, ...]]

    def pseudonym(self, kind: Identifier) -> str:
        """Return the pseudonym of what the person is called by."""
        return NAMED.of(kind, str(self.spellings[kind][0]))


ADA = Someone(
    {
        Identifier.EMAIL: (
            "ada@example.com",
            "ADA@Example.com",
            " ada@example.com ",
            "ada%40example.com",
            "ａｄａ@example.com",
        ),
        Identifier.PHONE: ("+15550123456", "+1 (555) 012-3456", 15550123456, "1.555.012.3456"),
        Identifier.ID: ("877001", 877001, " 877001"),
        Identifier.ANONYMOUS_ID: ("anon-6621",),
    }
)


def kind_of(kind: Identifier, id_type: str) -> Identifier:
    """Return a kind of which Ada is called something, and which may stand at a position of `kind`."""
    if kind is Identifier.BY_ID_TYPE:
        return {"email": Identifier.EMAIL, "phone": Identifier.PHONE}.get(id_type, Identifier.ID)
    if kind is Identifier.CIO_ID:
        return Identifier.EMAIL  # Customer.io's own ids are kept; an address there is still one
    return Identifier.ID if kind is Identifier.SHAPE else kind


@dataclass(frozen=True)
class Call:
    """A generated call."""

    match: Match
    body: Any
    kinds: tuple[str, ...]


def steps_of(position: str) -> list[str]:
    """Return the steps of a position; `[]` is one of its own."""
    return [step for part in position.split(".") for step in (part.removesuffix("[]"), *(["[]"] * part.count("[]"))) if step]


def put(body: Any, steps: list[str], value: object, key: str | None = None) -> Any:  # noqa: ANN401 - JSON
    """Return `body` with `value` where `steps` lead; `key` is another spelling of the last one."""
    if not steps:
        return value
    step, *rest = steps
    if step == "[]":
        held = list(body) if isinstance(body, list) else []
        if rest and held and isinstance(held[-1], dict):
            return [*held[:-1], put(held[-1], rest, value, key)]
        return [*held, put(None, rest, value, key)]
    name = key if key and not rest else step
    known = dict(body) if isinstance(body, dict) else {}
    return {**known, name: put(known.get(name), rest, value, key)}


KEYS = ["id", "userId", "user_id", "customer_id", "Email", "note", "contact", "owner", "x.id", "ids", "anonymousId", "amount"]


@st.composite
def somewhere(draw: st.DrawFn, value: object) -> object:
    """Return `value` in one of the ways in which it stands in a body: bare, in arrays, in objects, in text."""
    for _ in range(draw(st.integers(0, 2))):
        way = draw(st.sampled_from(["array", "object", "pair", "json", "url"]))
        if way == "array":
            value = [value]
        elif way == "object":
            value = {draw(st.sampled_from(KEYS)): value}
        elif way == "pair":
            value = {"name": draw(st.sampled_from(["user_id", "note"])), "value": value}
        elif way == "json":
            value = encode({draw(st.sampled_from(KEYS)): value}).decode()
        elif not isinstance(value, dict | list):
            value = f"https://x.test/?email={quote(str(value))}&n=1"
    return value


@st.composite
def calls(draw: st.DrawFn, endpoint: Endpoint) -> Call:
    """Return a call that names Ada where the row lets a person be named, and elsewhere, in ever other spellings and types."""
    kinds = draw(st.sampled_from(sorted(POLICIES)))
    id_type = draw(st.sampled_from(["", "id", "email"])) if "id_type" in endpoint.query else ""
    path = endpoint.path
    for name, kind in endpoint.path_ids.items():
        kind = kind_of(kind, id_type)  # noqa: PLW2901
        value = str(draw(st.sampled_from(ADA.spellings[kind]))).strip() if kind in ADA.spellings else "7"
        path = path.replace(f"{{{name}}}", quote(value, safe=""))
    query = {"id_type": id_type} if id_type else {}
    for name, kind in endpoint.query.items():
        if name != "id_type" and kind_of(kind, id_type) in ADA.spellings and draw(st.booleans()):
            query[name] = str(draw(st.sampled_from(ADA.spellings[kind_of(kind, id_type)])))
    target = path + ("?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else "")
    body: Any = None
    for position, kind in sorted({**endpoint.identifiers, **endpoint.naming_attributes}.items()):
        kind = kind_of(kind, id_type)  # noqa: PLW2901
        if kind in ADA.spellings and draw(st.booleans()):
            value = draw(st.sampled_from(ADA.spellings[kind]))
            if draw(st.integers(0, 9)) == 0:
                value = draw(st.sampled_from([[value], {"x": value}, [[value]], [value, value], encode([value]).decode()]))
            *_, last = position.rstrip("[]").split(".")
            spelled = draw(st.sampled_from([None, None, last.upper(), last.title()]))
            body = put(body, steps_of(position), value, spelled)
    for _ in range(draw(st.integers(0, 3))):
        value = draw(st.sampled_from([spelling for several in ADA.spellings.values() for spelling in several]))
        extra = {draw(st.sampled_from(KEYS)): draw(somewhere(value))}
        if body is None or (isinstance(body, dict) and draw(st.booleans())):
            body = {**(body or {}), **extra}
        elif isinstance(body, dict):
            inner = draw(st.sampled_from(["data", "attributes", "properties", "extra"]))
            known = body.get(inner)
            body = {**body, inner: {**(known if isinstance(known, dict) else {}), **extra}}
    if draw(st.integers(0, 14)) == 0:
        body = draw(st.sampled_from([[body], encode(body).decode(), "ada@example.com", 15550123456]))
    return Call(TABLE.match(endpoint.method, target.encode()), body, kinds)


def scalars(value: object, key: str = "", position: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each scalar of a body as text, with the nearest key above it and its position; keys are texts as well."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield name, "", ""
            pair = value.get("name") if name == "value" else None
            yield from scalars(child, pair if isinstance(pair, str) else name, f"{position}.{name}" if position else name)
    elif isinstance(value, list):
        for child in value:
            yield from scalars(child, key, f"{position}[]")
    elif value is not None and not isinstance(value, bool):
        text = value if isinstance(value, str) else encode(value).decode()
        yield text, key, position
        if text[:1] in "[{" and isinstance(value, str):
            with contextlib.suppress(orjson.JSONDecodeError):
                yield from scalars(orjson.loads(text), key, "held")
        elif "?" in text:
            yield from ((inner, name, "") for name, inner in parse_qsl(urlsplit(text).query))


def plain(text: str) -> str:
    """Return the text that is compared: decoded, in one case, with full-width letters made ordinary."""
    return unicodedata.normalize("NFKC", unquote(unquote(text))).strip().lower()


def raw(text: str, key: str, kinds: tuple[str, ...]) -> str | None:
    """Return which kind of what Ada is called a text is, if that kind is replaced."""
    form = plain(text)
    digits = "".join(filter(str.isdecimal, form))
    if "email" in kinds and form == "ada@example.com":
        return "email"
    if "phone" in kinds and digits == "15550123456" and not any(map(str.isalpha, form)):
        return "phone"
    last = {normal_form(key), normal_form(key.rpartition(".")[2])}
    if "id" in kinds and form == "877001" and last & ID_KEYS:
        return "id"
    if "anonymous_id" in kinds and form == "anon-6621" and last & ID_KEYS:
        return "anonymous_id"
    return None


def named_kinds(call: Call, endpoint: Endpoint) -> set[str]:
    """Return by what Ada is called at identifier positions of a call, in body, path and query."""
    found: set[str] = set()
    id_type = call.match.query.get("id_type", "")
    parameters = [*call.match.path_ids.items(), *call.match.query.items()]
    table = {**endpoint.path_ids, **endpoint.query}
    texts = [(text, kind_of(table[name], id_type)) for name, text in parameters if name in table]
    places = {normal_form(position): kind for position, kind in {**endpoint.identifiers, **endpoint.naming_attributes}.items()}
    texts += [
        (text, kind_of(places[normal_form(position)], id_type))
        for text, _, position in scalars(call.body)
        if normal_form(position) in places
    ]
    for text, kind in texts:
        if kind in {Identifier.ADDRESS, Identifier.OPAQUE}:
            continue
        if called := raw(text, "id", ("email", kind.value)):
            found.add(called)
    return found


def sent(call: Call, policies: Mapping[tuple[str, ...], Policy] | None = None) -> tuple[str, Any] | None:
    """Return the target and the body that leave, or None where the call is refused."""
    policy = (policies or POLICIES)[call.kinds].for_endpoint(call.match.endpoint.name)
    try:
        named = policy.named(call.match, call.body)
        kept, _ = policy.apply(copy.deepcopy(call.body), text=encode(call.body) if call.body is not None else b"", named=named)
    except DeniedError:
        return None
    return policy.target(call.match, named)[0].decode(), kept


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_nothing_that_is_replaced_leaves_raw(endpoint: Endpoint, data: st.DataObject) -> None:
    """No whole value, key or parameter is an identifier of a changed type that the call names, or the call is refused."""
    call = data.draw(calls(endpoint))
    left = sent(call)
    if left is None:
        return
    target, kept = left
    changed = tuple(kind for kind in call.kinds if kind in named_kinds(call, endpoint))
    spared = {position for position, kind in endpoint.identifiers.items() if kind is Identifier.ADDRESS}
    for text, key, position in scalars(kept):
        assert position in spared or raw(text, key, changed) is None, (text, key, position, call.body)
    url = urlsplit(target)
    for segment in url.path.split("/"):
        assert raw(segment, "id", changed) is None, target
    for name, value in parse_qsl(url.query):
        assert raw(value, name, changed) is None, target


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_where_identifiers_are_kept_nothing_changes(endpoint: Endpoint, data: st.DataObject) -> None:
    """Every shape, at every position, leaves as it came."""
    call = data.draw(calls(endpoint))
    left = sent(call, dict.fromkeys(POLICIES, PLAIN))
    assert left == (call.match.target.decode(), call.body)


@pytest.mark.parametrize(
    "endpoint", [row for row in ENDPOINTS if row.identifiers or row.naming_attributes], ids=lambda row: row.name
)
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_one_person_has_one_pseudonym(endpoint: Endpoint, data: st.DataObject) -> None:
    """At whichever position, however it is spelled: what leaves there is the pseudonym of the canonical spelling."""
    position, kind = data.draw(st.sampled_from(sorted({**endpoint.identifiers, **endpoint.naming_attributes}.items())))
    kind = kind_of(kind, "")
    if kind not in ADA.spellings:
        return
    spelling = data.draw(
        st.sampled_from([each for each in ADA.spellings[kind] if kind is not Identifier.ID or each != " 877001"])
    )
    body = put(None, steps_of(position), spelling)
    policy = POLICIES[KINDS].for_endpoint(endpoint.name)
    kept, hits = policy.apply(copy.deepcopy(body))
    assert kept == put(None, steps_of(position), ADA.pseudonym(kind))
    assert [hit.labels for hit in hits] == [("identifiers", "hash", "enforce")]
