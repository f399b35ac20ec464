"""Detect rules, in bodies: what is found, where, and which rule decides on it."""

import re
import tracemalloc
from typing import Any

import orjson
import pytest

from proxy.api.endpoints import ENDPOINTS
from proxy.errors import ConfigError, Reason, RefusedError
from proxy.payload.budget import Budget
from proxy.policy.apply import EndpointPolicy
from proxy.policy.compile import compile_policy
from proxy.policy.detectors import linear
from proxy.policy.fields import DeniedError
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive
from tests.unit.policy.test_apply import policy
from tests.unit.policy.test_walk import text

pytestmark = pytest.mark.needs("detectors")

CARD, SHORT = "4111 1111 1111 1111", "4111111111111111"
HASHING: dict[str, Any] = {"hash": {"algorithm": "sha256"}}
PATTERNS = {"pin": r"\b[0-9]{4}\b", "badge": r"B-[0-9]+"}


def detecting(*rules: dict[str, Any], **settings: Any) -> EndpointPolicy:  # noqa: ANN401  # a document is free-form here
    """Return the policy of `rules` with patterns of a user's own; each masks pins if it says nothing else."""
    return policy(*({"detect": ["pin"], "action": "mask"} | rule for rule in rules), patterns=PATTERNS, **settings)


def named(*rules: dict[str, Any], **settings: Any) -> EndpointPolicy:  # noqa: ANN401  # see above
    """Return the policy of rules that may name fields as well."""
    return policy(*rules, patterns=PATTERNS, **settings)


def at(endpoint: str, *rules: dict[str, Any], caller: str = "", **settings: Any) -> EndpointPolicy:  # noqa: ANN401  # see above
    """Return the policy of `rules` at an endpoint of the real table."""
    named_rules = [{"name": f"rule{order}"} | rule for order, rule in enumerate(rules)]
    document = PolicyDocument.model_validate({"version": 1, "rules": named_rules, "patterns": PATTERNS} | settings)
    return compile_policy(document, ENDPOINTS, Sensitive(b"pepper" * 8)).for_endpoint(endpoint, caller)


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        ("mask", {"a": "pin [REDACTED] and [REDACTED]", "b": ["[REDACTED]", "x"], "c": "[REDACTED]", "d": 12345}),
        ("strip", {"b": ["x"], "d": 12345}),
    ],
)
def test_what_a_detector_finds_is_treated_where_it_stands(action: str, kept: object) -> None:
    """The part of a text, the element of an array, a number; everything around it stays."""
    value, hits = detecting({"action": action}).apply({"a": "pin 1234 and 5678", "b": ["4321", "x"], "c": 1234, "d": 12345})
    assert value == kept
    assert {hit.rule for hit in hits} == {"rule0"}


def test_the_part_that_is_found_is_hashed_as_the_whole_value_of_a_field_would_be() -> None:
    """Whoever knows an address knows it in a text, too: in every spelling of it that the type of data has."""
    both = named({"detect": ["email"], "action": "hash"}, {"fields": ["contact"], "action": "hash"})
    value: Any = both.apply({"note": "write to ada@example.com, soon", "contact": "ada@example.com"})[0]
    assert re.fullmatch(r"[0-9a-f]{16}", value["contact_hash"])
    assert value["note"] == f"write to {value['contact_hash']}, soon"


def test_several_detectors_treat_one_text() -> None:
    """Each with its own rule; one in report mode changes nothing."""
    rules = detecting({"detect": ["pin"]}, {"detect": ["email"], "mode": "report"})
    value, hits = rules.apply({"a": "ada@example.com 1234"})
    assert value == {"a": "ada@example.com [REDACTED]"}
    assert {hit.labels for hit in hits} == {("rule0", "mask", "enforce"), ("rule1", "mask", "report")}


def test_what_a_rule_only_counts_hides_nothing_from_one_that_acts() -> None:
    """A wide pattern in report mode covers the card; the card is masked all the same."""
    wide = {"anything": ".+"}
    rules = [{"detect": ["anything"], "action": "mask", "mode": "report"}, {"detect": ["payment_card"], "action": "mask"}]
    value, hits = policy(*rules, patterns=wide).apply({"a": f"card {CARD}"})
    assert value == {"a": "card [REDACTED]"}
    assert {hit.rule for hit in hits} == {"rule0", "rule1"}


def test_what_one_rule_masks_hides_nothing_from_one_that_refuses() -> None:
    """A refusal looks at what came, wherever its rule stands."""
    rules = [{"detect": ["anything"], "action": "mask"}, {"detect": ["payment_card"], "action": "deny"}]
    with pytest.raises(DeniedError):
        policy(*rules, patterns={"anything": ".+"}).apply({"a": f"card {CARD}"})


def test_a_strip_takes_the_whole_of_a_value_that_others_mask() -> None:
    """What goes cannot be kept in part."""
    rules = detecting({"detect": ["email"]}, {"detect": ["pin"], "action": "strip"})
    assert rules.apply({"a": "ada@example.com 1234", "b": "ada@example.com"})[0] == {"b": "[REDACTED]"}


def test_a_detector_may_refuse_the_request() -> None:
    """Wherever it finds something, at an identifier position too."""
    for body in ({"a": {"b": ["1234"]}}, {"email": "1234"}, {"1234": 1}, {"a": 1234}):
        with pytest.raises(DeniedError):
            detecting({"action": "deny"}).apply(body)


def test_a_detector_leaves_identifiers_alone() -> None:
    """They belong to `identifiers:`; a rule in report mode counts them."""
    masked = detecting({})
    assert masked.apply({"email": "1234", "ids": ["1234"], "x": "1234"})[0] == {
        "email": "1234",
        "ids": ["1234"],
        "x": "[REDACTED]",
    }
    value, hits = detecting({"mode": "report"}).apply({"email": "1234"})
    assert value == {"email": "1234"}
    assert [hit.labels for hit in hits] == [("rule0", "mask", "report")]


def test_a_pseudonym_is_nothing_to_find() -> None:
    """Masked, it would make one person of all whose address it stands for."""
    keyed = {"algorithm": "hmac-sha256", "key": "env:KEY", "key_id": "k1"}
    rule = {"detect": ["email"], "action": "mask"}
    entity = at("track.v2.entity", rule, hash=keyed, identifiers={"email": "hmac"})
    body = {"type": "person", "identifiers": {"email": "ada@example.com"}, "attributes": {"email": "ada@example.com"}}
    value: Any = entity.apply(body)[0]
    assert value["attributes"]["email"] == value["identifiers"]["email"]
    assert value["attributes"]["email"].endswith("@k1.invalid")


# Keys


@pytest.mark.parametrize(("action", "kept"), [("mask", {"[REDACTED]": 1}), ("strip", {})])
def test_personal_data_as_a_key_is_found(action: str, kept: object) -> None:
    """An address that leads to its owner's data is data itself."""
    assert detecting({"detect": ["email"], "action": action}).apply({"ada@example.com": 1})[0] == kept


def test_nothing_is_lost_where_several_keys_are_masked() -> None:
    """Two people's keys become two keys, whatever else the object holds, and twice is as once."""
    rules = detecting({"detect": ["email"]})
    value: Any = rules.apply({"a@example.com": 1, "b@example.com": 2, "[REDACTED] 2": 3, "c@example.com": 4})[0]
    assert sorted(value.values()) == [1, 2, 3, 4]
    assert not any("@" in key for key in value)
    assert rules.apply(dict(value))[0] == value


@pytest.mark.parametrize("action", ["mask", "hash"])
def test_a_key_is_looked_at_under_a_rule_that_keeps_it(action: str) -> None:
    """A path hides the value; its key is an address."""
    rules = named({"paths": ["people.*"], "action": action}, {"detect": ["email"], "action": "mask"})
    value: Any = rules.apply({"people": {"ada@example.com": "x"}})[0]
    assert "ada" not in text(value)


# Order


def test_a_rule_for_a_place_takes_the_whole_value_wherever_it_stands() -> None:
    """A detector before it masks a part of the value, and there is no part left."""
    detect, strip = {"detect": ["pin"], "action": "mask"}, {"fields": ["note"], "action": "strip"}
    assert named(detect, strip).apply({"note": "pin 1234, and more"})[0] == {}
    assert named(strip, detect).apply({"note": "pin 1234, and more"})[0] == {}


@pytest.mark.parametrize("value", ["my pin 1234", {"deep": ["1234"]}, 1234, {"1234": None}])
def test_a_refusing_detector_before_the_rule_of_a_place_is_asked_first(value: object) -> None:
    """And one behind it is not: the value is gone by then."""
    deny, strip = {"detect": ["pin"], "action": "deny"}, {"fields": ["note"], "action": "strip"}
    with pytest.raises(DeniedError):
        named(deny, strip).apply({"note": value})
    assert named(strip, deny).apply({"note": value})[0] == {}
    kept, hits = named(deny | {"mode": "report"}, strip).apply({"note": value})
    assert (kept, {hit.rule for hit in hits}) == ({}, {"rule0", "rule1"})


# Numbers


@pytest.mark.parametrize("number", ["4111111111111111", "4111111111111111.0", "4.111111111111111e15", "6304000000000000000"])
def test_a_number_is_found_however_it_is_written(number: str) -> None:
    """A card that was sent as a number, with a point, or with an exponent."""
    assert named({"detect": ["payment_card"], "action": "mask"}).apply({"n": orjson.loads(number)})[0] == {"n": "[REDACTED]"}


def test_numbers_and_what_is_no_text_stay_what_they_are() -> None:
    """Bit for bit: detectors only replace what they found."""
    body = {"a": 1.5, "b": -0.0, "c": 2**80, "d": True, "e": None, "f": 1.0, "g": 1e300}
    value: Any = detecting({"detect": ["payment_card", "badge"]}).apply(dict(body))[0]
    assert repr(value) == repr(body)


# Structure


def test_detectors_look_into_json_in_strings_and_parameters() -> None:
    """Whatever is left of a value after its structure was treated holds nothing that they know."""
    assert detecting({}).apply({"a": text({"b": "1234"}), "u": "/x?b=1234"})[0] == {
        "a": text({"b": "[REDACTED]"}),
        "u": "/x?b=[REDACTED]",
    }
    coded = {"u": "https://x/?to=ada%40example.com"}
    assert detecting({"detect": ["email"]}).apply(coded)[0] == {"u": "https://x/?to=%5BREDACTED%5D"}


@pytest.mark.parametrize(
    ("url", "left"),
    [
        ("https://x/u/ada%40example.com/orders", "https://x/u/%5BREDACTED%5D/orders"),
        ("mailto:ada%40example.com", "mailto%3A%5BREDACTED%5D"),
        ("https://x/u/ada%20l/?a=b%20c", "https://x/u/ada%20l/?a=b%20c"),
        ("100% of %zz and %C3%28, 5%", "100% of %zz and %C3%28, 5%"),
    ],
)
def test_detectors_read_percent_coding_anywhere_in_a_text(url: str, left: str) -> None:
    """An address in the path of a page's URL; the one look at the whole body lets it through to the close one."""
    rules = detecting({"detect": ["email"]})
    assert rules.apply({"url": url})[0] == {"url": left}
    assert rules.apply({"url": url}, text=orjson.dumps({"url": url}))[0] == {"url": left}
    kept = detecting({"detect": ["email"], "action": "strip"}).apply({"url": url})[0]
    assert kept == ({} if "REDACTED" in left else {"url": url})


@pytest.mark.parametrize("url", ["a=ada@example.com\ud83d", "\ud83d[x]=ada@example.com", "https://x/\ud83dada%40example.com"])
def test_half_a_character_in_a_parameter_is_no_fault(url: str) -> None:
    """JavaScript cuts an emoji in two; what stands beside it is treated all the same."""
    assert "ada" not in str(detecting({"detect": ["email"]}).apply({"u": url})[0])


def test_much_to_find_deep_in_a_body_takes_little_memory() -> None:
    """What acted is counted by rule; where it was is remembered only for who asks."""
    body: Any = ["1234"] * 5_000
    for _ in range(90):
        body = [body]
    rules = detecting({})
    rules.apply(["1234"])
    tracemalloc.start()
    try:
        _, hits = rules.apply(body)
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()
    assert len(hits) == 5_000


def test_a_file_is_opaque() -> None:
    """Its coded text is none to look into; the rule that lets no files leave names the field."""
    body = {"attachments": {"a.txt": SHORT}, "message_data": {"a.txt": SHORT}}
    send = "app.v1.send.email"
    assert at(send, {"detect": ["payment_card"], "action": "mask"}).apply(body)[0] == {
        "attachments": {"a.txt": SHORT},
        "message_data": {"a.txt": "[REDACTED]"},
    }
    with pytest.raises(DeniedError):
        at(send, {"fields": ["attachments"], "action": "deny"}).apply(body)


@pytest.mark.parametrize("file", [f"ada,{CARD}", f"ada@example.com;{SHORT}", f"{SHORT}é"])
def test_what_is_no_coded_file_is_looked_into_where_one_belongs(file: str) -> None:
    """Customer.io would not take it, but it would have left: base64 has no spaces, commas or at signs."""
    rules = at("app.v1.send.email", {"detect": ["payment_card"], "action": "mask"})
    assert "4111" not in str(rules.apply({"attachments": {"a.csv": file}})[0])
    lines = {"attachments": {"a.csv": "YWRh\r\n" * 3 + "YQ=="}}
    assert rules.apply({"attachments": dict(lines["attachments"])})[0] == lines


@pytest.mark.parametrize("order", [["ssn", "ssn_hash"], ["ssn_hash", "ssn"]])
def test_a_hash_that_the_caller_sent_does_not_leave_under_another_key(order: list[str]) -> None:
    """The hash made here takes its place, whether or not anything is looked for in keys."""
    rules = at("track.v1.identify", {"detect": ["email"], "action": "mask"}, {"fields": ["ssn"], "action": "hash"}, **HASHING)
    values = {"ssn": "1", "ssn_hash": "theirs"}
    kept: Any = rules.apply({key: values[key] for key in order} | {"note": "ada@example.com"})[0]
    assert kept.keys() == {"ssn_hash", "note"}
    assert kept["ssn_hash"] != "theirs"


def test_hashes_under_keys_that_have_become_one_are_all_kept() -> None:
    """Each person's has a key of its own, as other values have."""
    rules = at("track.v1.identify", {"detect": ["email"], "action": "mask"}, {"fields": ["ssn"], "action": "hash"}, **HASHING)
    kept: Any = rules.apply({"ada@example.com.ssn": "1", "bob@example.com.ssn": "2"})[0]
    assert len(set(kept.values())) == len(kept) == 2
    assert not any("@" in key for key in kept)


# At load


def test_no_call_waits_for_a_detector_to_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a caller that rules name are there before its first call, too."""
    document = PolicyDocument.model_validate(
        {
            "version": 1,
            "rules": [
                {
                    "name": "billing",
                    "detect": ["email", "ipv4"],
                    "action": "mask",
                    "callers": ["billing"],
                    "endpoints": ["app.*"],
                },
                {"name": "everyone", "detect": ["ipv4"], "action": "strip"},
            ],
        }
    )
    compiled = compile_policy(document, ENDPOINTS, None)
    monkeypatch.setattr(linear, "MEMORY_MAX_BYTES", 1)  # nothing can be made from now on
    for endpoint in ("", *(row.name for row in ENDPOINTS)):
        for caller in ("billing", "shop"):
            compiled.for_endpoint(endpoint, caller).apply({"a": "192.0.2.1"})


@pytest.mark.parametrize(
    ("rule", "patterns", "path", "text"),
    [
        ({"detect": ["payment_card", "payment_crad"]}, {}, "policy.rules.0.detect.1", "is no detector"),
        ({"detect": ["national_id:XX"]}, {}, "policy.rules.0.detect.0", "is no detector"),
        ({"detect": ["own"]}, {"own": "("}, "policy.patterns.own", "missing"),
        ({"detect": ["own"]}, {"own": r"(a)\1"}, "policy.patterns.own", "invalid escape"),
        ({"detect": ["iban"]}, {"iban": "x"}, "policy.patterns.iban", "has this name"),
    ],
)
def test_what_stands_for_nothing_is_found_at_load(rule: dict[str, Any], patterns: dict[str, str], path: str, text: str) -> None:
    """With the key that is wrong, and without the pattern."""
    with pytest.raises(ConfigError) as refused:
        policy(rule | {"action": "mask"}, patterns=patterns)
    assert refused.value.path == path
    assert text in str(refused.value)


def test_a_detector_that_is_taken_already_is_found_at_load() -> None:
    """Like a field: the later rule could never act."""
    with pytest.raises(ConfigError) as refused:
        detecting({}, {"detect": ["badge", "pin"], "action": "deny"})
    assert refused.value.path == "policy.rules.1.detect.1"


def test_a_narrow_detect_rule_before_a_wide_one_decides() -> None:
    """At its endpoint; at identifier positions, which it passes over, the wide one may look."""
    rules = [
        {"detect": ["pin"], "action": "mask", "callers": ["billing"]},
        {"detect": ["pin"], "action": "deny"},
    ]
    identify = "track.v1.identify"
    assert at(identify, *rules, caller="billing").apply({"a": "1234"})[0] == {"a": "[REDACTED]"}
    for caller, body in (("billing", {"email": "1234"}), ("other", {"a": "1234"})):
        with pytest.raises(DeniedError):
            at(identify, *rules, caller=caller).apply(body)


@pytest.mark.parametrize("detector", ["payment_card", "phone:US"])
def test_a_body_with_too_many_candidates_is_refused(detector: str) -> None:
    """Each look at a candidate is paid from the body's budget; a body that needs more is not inspected in part."""
    rules = policy({"detect": [detector], "action": "mask"})
    nearly = {"payment_card": "4111 1111 1111 1112", "phone:US": "(212) 55-501321"}[detector]
    with pytest.raises(RefusedError) as refused:
        rules.apply({"a": [f"{nearly} {number}" for number in range(4000)]}, budget=Budget(1000))
    assert refused.value.reason is Reason.TOO_COMPLEX
