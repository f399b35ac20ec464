"""A policy with all its parts at once, against a slow reading of its page; and any policy of field rules, by both ways."""

import copy
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.payload.decode import parse
from proxy.payload.encode import encode
from proxy.policy.actions import HmacHasher, canonical_form
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.fields import DeniedError, Hit
from proxy.policy.identity import email_form
from proxy.policy.minimise import CONTAINERS
from proxy.policy.model import PolicyDocument
from proxy.policy.names import normal_form
from proxy.policy.texts import may_be_structured
from proxy.sensitive import Sensitive

PEPPER, KEY_ID, DIGITS = b"pepper", "k1", 32
IDENTIFIERS = {"email": Identifier.EMAIL, "phone": Identifier.PHONE, "batch[].id": Identifier.ID}
ROUTING = ("type", "prefs.topic")
ENDPOINT = Endpoint(
    "track.v1.identify", "PUT", "/x", Upstream.TRACK, Credential.TRACK, Bucket.TRACK, Replay.SAFE,
    identifiers=IDENTIFIERS, routing=ROUTING,
)  # fmt: skip
# In the order of the file: fields or paths, and what is done to them. Hashed paths end in a name: `*` would hash hashes again.
RULES: list[dict[str, Any]] = [
    {"name": "never", "fields": ["ssn"], "action": "strip"},
    {"name": "street", "paths": ["home.*.city", "**.street"], "action": "strip"},
    {"name": "contact", "fields": ["phone", "street"], "action": "hash"},
    {"name": "code", "paths": ["deep.code", "plan.**.zip"], "action": "hash"},
    {"name": "notes", "fields": ["note"], "paths": ["deep.*.*"], "action": "mask"},
]
# What hashing makes has to be let through, should it come by once more.
ALLOWED = ("plan", "phone", "phone_hash", "note", "home", "deep")
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "hash": {"algorithm": "hmac-sha256", "key": "env:X", "key_id": KEY_ID, "hex_length": DIGITS},
    "identifiers": {"id": "hmac", "email": "hmac"},
    "allow": {"track.*": list(ALLOWED)},
    "rules": RULES,
}
# Keys of these names hold ids of people.
KEYED = ("id", "email", "phone")
HASHER = HmacHasher(Sensitive(PEPPER), KEY_ID, DIGITS)


def compiled(document: dict[str, Any]) -> EndpointPolicy:
    """Return the policy of `ENDPOINT`, with nothing remembered."""
    policy = compile_policy(PolicyDocument.model_validate(document), [ENDPOINT], Sensitive(PEPPER))
    return policy.for_endpoint(ENDPOINT.name)


POLICY = compiled(DOCUMENT)
REPORTING = compiled({**DOCUMENT, "mode": "report", "rules": [*RULES, {"name": "no", "fields": ["a"], "action": "deny"}]})

# Strings that hold something are another test's. No key looks like one that a hash was put under.
plain = st.text(st.characters(exclude_characters='="\\', exclude_categories=["Cc", "Cs"]), max_size=8)
NAMES = [
    "ssn", "S-S-N", "phone", "Phone", "note", "street", "home", "city", "plan", "zip", "deep", "code", "batch", "id", "email",
    "type", "prefs", "topic", "attributes", "a", "b.c", "x.ssn", "home.a", "a.street", "deep.code", "prefs.topic", "phone.",
]  # fmt: skip
keys = st.sampled_from(NAMES) | plain.filter(lambda key: not normal_form(key).endswith("hash"))
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | plain
    | st.sampled_from([0, 0.0, -0.0, 1, 1.0, True, 10**20, -(2**63), 2**64, " A@b.c ", "k1." + "0" * DIGITS])
)  # fmt: skip
values = st.recursive(
    scalars, lambda children: st.lists(children, max_size=3) | st.dictionaries(keys, children, max_size=6), max_leaves=30
)


# Most bodies name people by scalars: others are refused as they are.
people = st.fixed_dictionaries(
    {},
    optional={
        "email": scalars,
        "phone": scalars,
        "batch": st.lists(
            st.dictionaries(keys.filter(lambda key: normal_form(key) != "id"), values, max_size=4) | st.just({"id": 5}),
            max_size=3,
        ),
    },
)
bodies = values | st.builds(
    lambda body, names: {key: body[key] for key in body if normal_form(key) not in ("email", "phone", "batch")} | names,
    st.dictionaries(keys, values, max_size=6), people,
)  # fmt: skip


def keys_of(value: object) -> Iterator[str]:
    """Yield every key in `value`."""
    if isinstance(value, dict):
        yield from value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys_of(child)


# The slow reading.

Paths = frozenset[tuple[str, ...]]
"""Every way to read the keys that lead to a place: each as one step, or as many as it spells."""


def selects(steps: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Say whether a selector is one of `path`, whose keys are in normal form."""
    if not steps:
        return not path
    if steps[0] == "**":
        return any(selects(steps[1:], path[taken:]) for taken in range(len(path) + 1))
    return bool(path) and steps[0] in ("*", path[0]) and selects(steps[1:], path[1:])


def pieces_of(key: str) -> list[str]:
    """Return the normal forms of what stands between the separators of `key`."""
    return [normal_form(piece) for piece in re.split(r"[.\[\]/\\:|>=]", unicodedata.normalize("NFKC", key))]


def parts_of(key: str) -> list[str]:
    """Return the names that `key` spells, in normal form."""
    return [name for name in pieces_of(key) if name]


def rule_of(key: str, paths: Paths) -> dict[str, Any] | None:
    """Return the first rule of the file that names `key` or its place."""
    names = {normal_form(key), *parts_of(key)}
    for rule in RULES:
        ways = [tuple(way.split(".")) for way in rule.get("paths", ())]
        if names & set(rule.get("fields", ())) or any(selects(way, path) for way in ways for path in paths):
            return rule
    return None


def spelled(value: object) -> str:
    """Return the text of a scalar, as identifiers are compared."""
    if isinstance(value, str):
        return value
    return encode(int(value) if isinstance(value, float) and value.is_integer() else value).decode()


def pseudonym(kind: Identifier, value: object) -> object:
    """Return what an identifier is replaced by."""
    text = spelled(value)
    kind = Identifier.EMAIL if "@" in text else kind
    if kind is Identifier.PHONE or not text or text == "k1." + "0" * DIGITS:
        return value
    form = email_form(text) if kind is Identifier.EMAIL else text
    digits = hmac.new(PEPPER, form.encode(), hashlib.sha256).hexdigest()[:DIGITS]
    return f"{digits}@{KEY_ID}.invalid" if kind is Identifier.EMAIL else f"{KEY_ID}.{digits}"


def kind_at(place: str) -> Identifier | None:
    """Return what kind of identifier stands at a place, however its keys are spelled."""
    return IDENTIFIERS.get(".".join(part if part.endswith("[]") else normal_form(part) for part in place.split(".")))


def stands(value: object) -> bool:
    """Say whether there is anything in a value that could be hidden."""
    return value is not None and not isinstance(value, bool) and (isinstance(value, int | float) or bool(value))


def named(body: object) -> dict[str, object] | None:
    """Return who is named in a body, by canonical text; None where something stands that could hide an identifier."""
    found: dict[str, object] = {}
    if not isinstance(body, dict):
        return None if stands(body) else found
    for key, child in body.items():
        place = normal_form(key)
        if place == "batch":
            if stands(child) and not isinstance(child, list):
                return None
            for element in child if isinstance(child, list) else ():
                if stands(element) and not isinstance(element, dict):
                    return None
                for inner, value in element.items() if isinstance(element, dict) else ():
                    if normal_form(inner) == "id" and not name(found, "batch[].id", value):
                        return None
        elif place in IDENTIFIERS and not name(found, place, child):
            return None
    return found


def name(found: dict[str, object], place: str, value: object) -> bool:
    """Note who is named at a place; say whether only one can stand there."""
    if isinstance(value, dict | list):
        if place != "phone":
            return False
        # Phone numbers are kept: anything may stand there, and addresses in it are still some.
        return all(name(found, place, child) for child in (value.values() if isinstance(value, dict) else value))
    if stands(value):
        now = pseudonym(IDENTIFIERS[place], value)
        if now != value:
            text = spelled(value).strip()
            found[email_form(text) if "@" in text else text] = now
    return True


def left_of(value: object, place: str, people: dict[str, object], *, keyed: bool) -> object:
    """Return what leaves of a scalar: its pseudonym where an identifier belongs, and wherever it names somebody named here."""
    if value is None or isinstance(value, bool):
        return value
    kind = IDENTIFIERS.get(place)
    now = value if kind is None else pseudonym(kind, value)
    text = spelled(value).strip()
    if now is not value or not (keyed or "@" in text):
        return now
    return people.get(email_form(text) if "@" in text else text, value)


def leads(place: str) -> bool:
    """Say whether an object at a place may hold something that a call needs, or attributes."""
    last = place.removesuffix("[]").rpartition(".")[2]
    return last in CONTAINERS or any(position.startswith(f"{place}.") for position in (*IDENTIFIERS, *ROUTING))


def leave(key: str, child: object, above: str) -> str:
    """Return what minimisation makes of a field: `kept`, `leads` or `stripped`."""
    here = f"{above}.{key}" if above else key
    allowed = set(map(normal_form, ALLOWED))
    if normal_form(key) in allowed or (here in (*IDENTIFIERS, *ROUTING) and not isinstance(child, dict | list)):
        return "kept"
    place = above
    for step in key.split("."):
        if normal_form(step) in allowed:
            return "kept"
        place = f"{place}.{step}" if place else step
        if not leads(place) and not leads(f"{place}[]"):
            return "stripped"
    return "leads" if isinstance(child, dict | list) else "stripped"


def expected(body: object) -> object:
    """Return what leaves of a body, whose people are all known."""
    people = named(body)
    assert people is not None
    return reading(body, people)


def reading(
    value: object,
    people: dict[str, object],
    place: str = "",
    paths: Paths = frozenset({()}),
    *,
    minimised: bool = True,
    keyed: bool = False,
) -> object:
    """Return what leaves of `value`; `place` is its position, `paths` what selectors see, `minimised` whether `allow` holds."""
    if isinstance(value, list):
        kept = [element for element in value if not minimised or isinstance(element, dict)]
        return [reading(element, people, f"{place}[]", paths, minimised=minimised, keyed=keyed) for element in kept]
    if not isinstance(value, dict):
        return None if minimised and not place else left_of(value, place, people, keyed=keyed)
    left = {}
    for key, child in value.items():
        here = f"{place}.{key}" if place else key
        below = frozenset((*path, *steps) for path in paths for steps in ((normal_form(key),), tuple(parts_of(key))))
        what = leave(key, child, place) if minimised else "kept"
        if what == "stripped":
            continue
        exempt = here in IDENTIFIERS or here in ROUTING
        structure = isinstance(child, dict) or (isinstance(child, list) and any(isinstance(e, dict | list) for e in child))
        rule = None if exempt and not structure else rule_of(key, below)
        if rule is None:
            inside = normal_form(key) in KEYED or normal_form(key.rpartition(".")[2]) in KEYED
            left[key] = reading(child, people, here, below, minimised=what == "leads", keyed=inside)
        elif rule["action"] == "hash":
            last = [normal_form(key), *parts_of(key)][-1] if "fields" in rule else normal_form(rule["paths"][0])
            left[f"{key}_hash"] = HASHER.hashed(child, canonical_form(last))
        elif rule["action"] == "mask":
            left[key] = "[REDACTED]"
    return left


def decided(body: object) -> bool:
    """Say whether the policy decides as the page says on a body that it must refuse."""
    try:
        POLICY.apply(copy.deepcopy(body))
    except DeniedError:
        return named(body) is None
    return named(body) is not None


@settings(deadline=None, max_examples=300)
@given(bodies)
@example({"plan": {"a": [1, 1.0, True, -0.0, 0, 10**30, {"z": 1, "a": 2}], "zip": 1, "b": {"zip": "x"}, "street": 5}})
@example({"batch": [{"id": 5, "phone": "+1 (2)", "deep": {"code": 1}, "x": 1}], "phone": "+1 (2)", "email": " A@b.c "})
@example(
    {"deep.code": 1, "deep": {"code": 1, "a": {"b": 1.0}, "a.b": 1}, "prefs": {"topic": {"x": 1}, "y": 1}, "type": {"x": 1}}
)
def test_all_that_leaves_is_what_the_policy_says(body: object) -> None:
    """Fields, paths, `allow` and `identifiers` together: what they do not touch is equal in value, type and order."""
    read = parse(encode(body), 100)  # as a call brings it
    assert repr(read) == repr(body)
    assert decided(body)
    assume(named(body) is not None)
    kept, hits = POLICY.apply(read, text=encode(body))
    assert repr(kept) == repr(expected(body))
    assert repr(parse(encode(kept), 100)) == repr(kept)
    assert hits or repr(kept) == repr(body)


@settings(deadline=None)
@given(bodies)
def test_once_is_enough_for_all_of_it(body: object) -> None:
    """Applied to its own result, the whole policy changes nothing.

    But for a dotted key whose first part is hashed: it is named by that part, and so is `phone.home_hash`. And a hash below
    `deep.*` stands where a path masks every key.
    """
    names = [pieces_of(key) for key in keys_of(body)]
    assume(not any(part in ("phone", "street") for parts in names for part in parts[:-1]))
    assume(not any("deep" in parts for parts in names) or not any({"phone", "street"} & {*parts} for parts in names))
    assume(named(body) is not None)
    once, _ = POLICY.apply(copy.deepcopy(body))
    twice, _ = POLICY.apply(copy.deepcopy(once))
    assert repr(twice) == repr(once)


@settings(deadline=None)
@given(bodies)
def test_reporting_changes_nothing(body: object) -> None:
    """A policy in report mode, whatever is in it, lets everything leave as it came, and only tells."""
    kept, hits = REPORTING.apply(copy.deepcopy(body), text=encode(body))
    assert repr(kept) == repr(body)
    assert not any(hit.enforced for hit in hits)


@settings(deadline=None)
@given(bodies)
def test_what_is_remembered_changes_nothing_of_it(body: object) -> None:
    """A policy that has seen everything decides as one that has seen nothing, and tells the same."""
    assume(named(body) is not None)
    assert repr(compiled(DOCUMENT).apply(copy.deepcopy(body))) == repr(POLICY.apply(copy.deepcopy(body)))


# Field rules only: the short way and the long way.


@st.composite
def field_policies(draw: st.DrawFn) -> EndpointPolicy:
    """Return a policy of field rules of any kind, each of which can act."""
    fields = draw(st.lists(st.sampled_from(["ssn", "phone", "note", "email", "a", "id", "type", "bc", "c"]), unique=True))
    algorithm = draw(st.sampled_from(["sha256", "hmac-sha256"]))
    keyed = {"key": "env:X", "key_id": KEY_ID} if algorithm == "hmac-sha256" else {}
    rules = [
        {
            "name": f"rule{number}",
            "fields": [field],
            "action": draw(st.sampled_from(["strip", "hash", "mask", "deny"])),
            "mode": draw(st.sampled_from(["enforce", "report", "off"])),
        }
        for number, field in enumerate(fields)
    ]
    return compiled({"version": 1, "hash": {"algorithm": algorithm, **keyed}, "rules": rules})


def told(hits: list[Hit]) -> Iterator[tuple[str, str, str]]:
    """Yield what metrics are told of hits, in order."""
    yield from (hit.labels for hit in hits)


def ways(policy: EndpointPolicy, body: object) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Yield what comes of a body, by the short way where there is one, and by the long way: the value or that it is denied."""
    try:
        kept, hits = policy.apply(copy.deepcopy(body), text=encode(body))
        yield repr(kept), list(told(hits))
    except DeniedError as denial:
        yield "denied", list(told(denial.hits))
    try:
        kept, acts = policy.explain(copy.deepcopy(body))
        yield repr(kept), [hit.labels for hit, _ in acts]
    except DeniedError as denial:
        yield "denied", list(told(denial.hits))


@settings(deadline=None, max_examples=300)
@given(field_policies(), bodies)
def test_both_ways_lead_to_the_same_by_any_field_rules(policy: EndpointPolicy, body: object) -> None:
    """Whatever the rules, their modes and their order: the same value, the same refusals, and the same hits."""
    assume(not may_be_structured(encode(body)))  # such a body takes the long way twice
    short, long = ways(policy, body)
    assert short == long
