"""A policy applied to any JSON: nothing named survives, nothing else changes, and once is enough."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream
from proxy.payload.encode import encode
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.policy.names import normal_form
from proxy.policy.texts import may_be_structured
from proxy.sensitive import Sensitive

NAMED = {"ssn": "strip", "phone": "hash", "note": "mask"}
ENDPOINT = Endpoint(
    "track.v1.identify",
    "PUT",
    "/x",
    Upstream.TRACK,
    Credential.TRACK,
    Bucket.TRACK,
    Replay.SAFE,
    identifiers={"phone": Identifier.PHONE, "batch[].ssn": Identifier.ID},
)


def compiled(hash_section: dict[str, Any], key: Sensitive[bytes] | None) -> EndpointPolicy:
    """Return the policy of `NAMED`."""
    rules = [{"name": name, "fields": [name], "action": action} for name, action in NAMED.items()]
    document = PolicyDocument.model_validate({"version": 1, "hash": hash_section, "rules": rules})
    return compile_policy(document, [ENDPOINT], key).for_endpoint(ENDPOINT.name)


UNKEYED = compiled({"algorithm": "sha256", "hex_length": 16}, None)
KEYED = compiled({"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k1"}, Sensitive(b"pepper"))

keys = st.sampled_from(
    ["ssn", "S-S-N", "phone", "Phone", "note", "a", "b.c", "x.ssn", "phone_hash", "batch", "email"]
) | st.text(max_size=5)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
bodies = st.recursive(
    scalars, lambda children: st.lists(children, max_size=4) | st.dictionaries(keys, children, max_size=5), max_leaves=25
)


def named(key: str) -> bool:
    """Say whether a rule names `key`, by the definition: its normal form, or that of one of its dotted segments."""
    return any(normal_form(part) in NAMED for part in (key, *key.split(".")))


def expected(value: object, path: str | None = None) -> object:
    """Return `value` without every named key, slowly and by the definition; identifiers of `ENDPOINT` stay."""
    if isinstance(value, list):
        return [expected(element, f"{path or ''}[]") for element in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, child in value.items():
        place = key if path is None else f"{path}.{key}"
        scalar = not isinstance(child, dict) and not (
            isinstance(child, list) and any(isinstance(e, dict | list) for e in child)
        )
        if not named(key) or (place in ENDPOINT.identifiers and scalar):
            kept[key] = expected(child, place)
    return kept


def without(value: object, drop: set[str]) -> object:
    """Return `value` without the keys that hashing and masking made, and without hashes that the caller sent."""
    if isinstance(value, list):
        return [without(element, drop) for element in value]
    if isinstance(value, dict):
        return {key: without(child, drop) for key, child in value.items() if key not in drop}
    return value


def made(value: object) -> set[str]:
    """Return every key of `value` that a hash or a mask could stand under."""
    found: set[str] = set()
    if isinstance(value, list):
        for element in value:
            found |= made(element)
    if isinstance(value, dict):
        for key, child in value.items():
            found |= made(child)
            if named(key):
                found |= {key + "_hash"}
    return found


@settings(deadline=None)
@given(bodies)
def test_what_is_not_named_is_untouched_and_what_is_named_is_gone(body: object) -> None:
    """Compared with a slow walk by the definition: the same keys are left, in the same order, with equal values."""
    kept, _ = UNKEYED.apply(copy.deepcopy(body))
    drop = made(body)
    masked = {"note"}
    result = without(_unmasked(kept), drop | masked)
    assert result == without(expected(body), drop | masked)
    assert repr(result) == repr(without(expected(body), drop | masked))


def _unmasked(value: object) -> object:
    """Return `value` without masked fields."""
    if isinstance(value, list):
        return [_unmasked(element) for element in value]
    if isinstance(value, dict):
        return {key: _unmasked(child) for key, child in value.items() if child != "[REDACTED]"}
    return value


@settings(deadline=None)
@given(bodies)
def test_once_is_enough(body: object) -> None:
    """Applied to its own result, a policy changes nothing."""
    for policy in (UNKEYED, KEYED):
        once, _ = policy.apply(copy.deepcopy(body))
        twice, _ = policy.apply(copy.deepcopy(once))
        assert repr(twice) == repr(once)


@settings(deadline=None)
@given(bodies)
def test_what_is_remembered_changes_nothing(body: object) -> None:
    """A policy that has seen everything decides as one that has seen nothing."""
    fresh = compiled({"algorithm": "sha256", "hex_length": 16}, None)
    assert repr(fresh.apply(copy.deepcopy(body))) == repr(UNKEYED.apply(copy.deepcopy(body)))


@settings(deadline=None)
@given(bodies)
def test_the_short_way_and_the_long_way_lead_to_the_same(body: object) -> None:
    """A body whose strings hold nothing is treated alike by both walks: the value, its order, and what acted."""
    for policy in (UNKEYED, KEYED):
        if may_be_structured(encode(body)):
            continue
        short = policy.apply(copy.deepcopy(body), text=encode(body))
        long = policy.apply(copy.deepcopy(body))
        assert repr(short) == repr(long)


@settings(deadline=None)
@given(bodies, st.sampled_from(["body", "json", "query"]))
def test_what_is_named_is_gone_from_strings_too(body: object, way: str) -> None:
    """A value that was put under a named key in JSON, JSON in a string, or a parameter, is nowhere in what leaves."""
    canary = "canary-0123456789"
    hidden: object = {"x": body, "S-S-N": canary}
    if way == "json":
        hidden = {"note": encode(hidden).decode()}
    elif way == "query":
        hidden = {"url": f"https://x/?a=1&s.s.n={canary}&b=2", "x": body}
    kept, hits = UNKEYED.apply(hidden)
    assert canary.encode() not in encode(kept)
    assert hits
