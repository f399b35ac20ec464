"""Body x policy: one value that must not leave, in a disguise, in a call that is forwarded.

Four kinds of cases, each with what design 5 promises of it. `field`: the value of a field that a rule names. `value`: one that
a detector knows. `allow`: anything at a place that minimisation does not let through. `person`: an identifier that is replaced,
standing a second time elsewhere, or in a shape that is none.

What is wrong with a case: the canary in what leaves, in any spelling; a fault of ours; what leaves is no JSON, or no head; what
was treated once is treated otherwise the second time. With all rules in report mode the canary must leave, or the case says
nothing.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from random import Random  # noqa: TID251 - made from a seed
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import orjson

from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.api.model import Identifier, Upstream
from proxy.credentials.callers import Callers
from proxy.errors import RefusedError
from proxy.exchange import RequestHead
from proxy.pipeline import StageError, admit, common_head, prepare
from proxy.policy.compile import compile_policy
from proxy.policy.model import PolicyDocument
from proxy.rules import Rules
from proxy.sensitive import Sensitive
from tests.fuzz import rows
from tests.fuzz.disguises import BROKEN, CARRIERS, CODED, ESCAPING, KEYED, LEAVES, NAMES, WRAPS
from tests.fuzz.engine import Case, Finding
from tests.fuzz.forms import seen

HEADERS = {b"content-type": b"application/json"}
PEPPER = Sensitive(b"a pepper of thirty-two bytes, or more")
HASH = {"algorithm": "hmac-sha256", "key": "env:X", "key_id": "k1", "hex_length": 32}
ACTIONS = ("strip", "hash", "mask", "deny")
# What else a policy says decides which way a body goes.
BESIDE: Mapping[str, dict[str, Any]] = MappingProxyType(
    {
        "nothing": {},
        "paths": {"rules": [{"name": "place", "paths": ["nowhere.at.all", "**.street"], "action": "strip"}]},
        "detectors": {"rules": [{"name": "found", "detect": ["aws_key", "uk_nino"], "action": "mask"}]},
        "identifiers": {"identifiers": {"id": "hmac", "email": "hmac"}},
    }
)
DETECTED = ("email", "payment_card", "us_ssn", "ipv4", "iban")
KINDS = ("field", "field", "field", "value", "allow", "person")
KEPT = frozenset({Identifier.ADDRESS, Identifier.CIO_ID, Identifier.OPAQUE})
DATA = frozenset({"context", "data", "properties"})
SHAPES = ("text", "list", "lists", "object", "held list", "held object", "key", "held text")
ECHOES = ("contact", "id", "userId", "user_id", "email", "Email", "anonymous_id", "anonymousId", "ref")
IDS = frozenset({"id", "userId", "user_id", "anonymous_id", "anonymousId"})
NAMING = {
    "email": (Identifier.EMAIL, Identifier.SHAPE), "id": (Identifier.ID, Identifier.SHAPE), "phone": (Identifier.PHONE,),
}  # fmt: skip
NOWHERE = ("x", "note", "other", "data", "properties", "traits", "attributes", "context", "batch", "identifiers", "device")


@lru_cache(maxsize=256)
def compiled(policy: str) -> Rules:
    """Return the rules of a policy, which is given as JSON."""
    return Rules(
        table=Table(ENDPOINTS),
        policy=compile_policy(PolicyDocument.model_validate(orjson.loads(policy)), ENDPOINTS, PEPPER),
        callers=Callers(),
        heads={upstream: common_head(f"{upstream}.example") for upstream in Upstream},
        body_bytes=1_048_576,
        large_body_bytes=4_194_304,
        depth=100,
    )


def reporting(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy that sees all and changes nothing."""
    return {**policy, "mode": "report", "rules": [{**rule, "mode": "report"} for rule in policy.get("rules", ())]}


def left(policy: Mapping[str, Any], case: Case) -> tuple[bytes, bytes] | str:
    """Return head and body of the call that leaves, or the code of its refusal.

    Raises:
        Finding: it is a fault of ours, or what leaves is no call.
    """
    rules = compiled(json.dumps(policy, sort_keys=True))
    head = RequestHead(case["method"], case["target"].encode(), HEADERS)
    try:
        outgoing, _ = prepare(admit(rules, head, 0.0), case["body"].encode("utf-8", "surrogatepass"))
    except RefusedError as refusal:
        return refusal.reason.value
    except StageError as fault:
        raise Finding(f"a fault of ours in {fault.stage}: {type(fault.fault).__name__}") from fault
    except Exception as fault:
        raise Finding(f"a fault of ours: {type(fault).__name__}") from fault
    try:
        orjson.loads(outgoing.body)
    except orjson.JSONDecodeError:
        try:
            json.loads(outgoing.body)  # noqa: TID251 - what orjson does not hold: large numbers, lone surrogates
        except ValueError:
            raise Finding("what leaves is no JSON") from None
    line, *fields = outgoing.head.split(b"\r\n")
    if len(line.split(b" ")) != 3 or fields[-1] or any(b": " not in each or b"\n" in each for each in fields[:-1]):
        raise Finding("what leaves has no well-formed head")
    return outgoing.head, outgoing.body


class Bodies:
    """The target."""

    name = "body"

    def make(self, rng: Random) -> Case:
        """Draw a case."""
        kind = rng.choice(KINDS)
        row = rng.choice((rng.choice(list(rows.ROWS)), "track.v1.identify", "track.v2.batch", "pipelines.v1.track"))
        case: dict[str, Any] = {"kind": kind, "row": row, "canary": f"{rng.randrange(16**9):09x}", "wraps": []}
        match kind:
            case "field" | "value":
                case |= {
                    "action": rng.choice(ACTIONS), "leaf": rng.choice(list(LEAVES)), "place": rng.randrange(3),
                    "beside": rng.choice(list(BESIDE)),
                }  # fmt: skip
                inner = [rng.choice(list(WRAPS)) for _ in range(rng.choice((0, 0, 1, 1, 2, 3)))]
                outer = [rng.choice(list(BROKEN))] if rng.random() < 0.3 else []
                case["wraps"] = inner + outer + [rng.choice(("object", "list", "held"))] * rng.randrange(2)
                if kind == "field":
                    case |= {"name": rng.choice(list(NAMES)), "carrier": rng.choice(("key", rng.choice(list(CARRIERS))))}
                else:
                    case |= {"detect": rng.choice(DETECTED)}
            case "allow":
                case |= {"path": _somewhere(rng, row), "leaf": rng.choice(("text", "list", "lists", "words", "key"))}
            case _:
                case |= {
                    "named": rng.choice(("email", "id", "phone")), "shape": rng.choice(SHAPES), "upper": rng.random() < 0.2,
                    "path": rng.choice(["echo", rng.choice(_named(row) or ["echo"])]), "key": rng.choice(ECHOES),
                    "place": rng.randrange(3),
                }  # fmt: skip
        return case

    def change(self, rng: Random, case: Case, other: Case) -> Case:
        """Draw some parts anew, or take them from another case of its kind."""
        fresh = self.make(rng)
        source = other if other["kind"] == case["kind"] else fresh
        if source["kind"] != case["kind"]:
            return fresh
        parts = [part for part in case if part in source and part != "kind"]
        taken = {part: source[part] for part in rng.sample(parts, rng.randint(1, 2))}
        if "row" in taken and "path" in case:
            taken["path"] = source["path"]
        return {**case, **taken}

    def smaller(self, case: Case) -> Iterator[Case]:
        """Yield it with fewer wraps, then with plainer parts."""
        wraps = case["wraps"]
        yield from ({**case, "wraps": [*wraps[:at], *wraps[at + 1 :]]} for at in range(len(wraps)))
        plain = {"name": "plain", "carrier": "key", "leaf": "text", "beside": "nothing", "action": "strip", "place": 0}
        if "path" not in case:
            plain["row"] = "track.v1.identify"
        else:
            plain = {"leaf": "text", "upper": False, "place": 0, "key": "contact", "canary": "00c0ffee0"}
        if case["kind"] == "allow":
            yield from ({**case, "path": [*case["path"][:at], *case["path"][at + 1 :]]} for at in range(len(case["path"])))
            yield {**case, "row": "track.v1.identify"}
        if case.get("path") == "echo":
            yield {**case, "row": "track.v1.identify"}
        yield from (
            {**case, part: value}
            for part, value in {**plain, "canary": "00c0ffee0"}.items()
            if part in case and case[part] != value
        )

    def likeness(self, case: Case) -> object:
        """Return what cases have in common that show the same."""
        match case["kind"]:
            case "field":
                return (case["carrier"], case["name"], *case["wraps"])
            case "value":
                return ("value", *case["wraps"])
            case "allow":
                return ("allow", case["row"].split(".")[0], case["leaf"], len(case["path"]), *case["path"][-1:])
            case _:
                return ("person", case["named"], case["shape"], case["path"] == "echo", case["row"].split(".")[0])

    def run(self, case: Case) -> object:
        """Send it, with the rules in force and in report mode."""
        if not _promised(case):
            return "not promised"
        complete = case if "body" in case else self.complete(case)
        policy, canaries = complete["policy"], complete["canaries"]
        sent = left(policy, complete)
        if isinstance(sent, str):
            return (case.get("kind"), sent)
        control = left(reporting(policy), complete)
        if isinstance(control, str) or not seen(canaries, *control):
            return (case.get("kind"), "nothing to see")
        if seen(canaries, *sent):
            raise Finding("the canary leaves")
        if case.get("action") not in ("hash", "deny"):
            again = left(policy, {**complete, "body": sent[1].decode()})
            if isinstance(again, str) or again[1] != sent[1]:
                raise Finding("what was treated is treated otherwise the second time")
        return (case.get("kind"), case.get("row"), case.get("name"), case.get("carrier"), tuple(case.get("wraps", ())))

    def complete(self, case: Case) -> Case:
        """Return the call, and the policy that it meets."""
        if "body" in case:
            return case
        row = rows.ROWS[case["row"]]
        text, digits = f"c4nary-{case['canary']}-z", 910_000_000_000 + int(case["canary"], 16) % 10**9
        canaries, target = [text, str(digits)], rows.target(row)
        policy: dict[str, Any] = {"version": 1, "hash": HASH, "vendor_limits": "off"}
        match case["kind"]:
            case "field":
                value = CARRIERS[case["carrier"]](_spelled(case), LEAVES[case["leaf"]](text, digits))
                body = _placed(case, value)
                policy |= {"rules": [{"name": "never", "fields": ["ssn"], "action": case["action"]}]}
            case "value":
                text = _detected(case["detect"], digits)
                canaries = [text]
                body = _placed(case, LEAVES[case["leaf"]](text, digits))
                policy |= {"rules": [{"name": "never", "detect": [case["detect"]], "action": case["action"]}]}
            case "allow":
                body = rows.put(rows.skeleton(case["row"]), tuple(case["path"]), LEAVES[case["leaf"]](text, digits))
                policy |= {"allow": {case["row"]: ["plan"]}}
            case _:
                text = {"email": f"{text}@example.com", "id": text, "phone": f"+1212{digits % 10**7:07}"}[case["named"]]
                canaries = [text]
                target, body = _person(case, text)
                policy |= {"identifiers": dict.fromkeys(("email", "id", "phone", "anonymous_id"), "hmac")}
        beside = BESIDE[case.get("beside", "nothing")]
        policy |= {**beside, "rules": [*policy.get("rules", ()), *beside.get("rules", ())]}
        return {
            "recipe": dict(case), "policy": policy, "canaries": canaries, "method": row.method, "target": target,
            "body": json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass").decode("utf-8", "surrogatepass"),
        }  # fmt: skip


def _promised(case: Case) -> bool:
    """Say whether the contract promises anything of a case; what is drawn at random may not be one."""
    if "recipe" in case:
        case = case["recipe"]
    wraps = case["wraps"]
    broken = [wrap for wrap in wraps if wrap in BROKEN]
    match case["kind"]:
        case "field":
            if not broken:
                return True
            # In a text that is no JSON only a quoted name and a colon is looked for: what was coded there stays coded, and a
            # name that is spelled by escapes is not told from any other.
            inside = set(wraps[: wraps.index(broken[0])])
            plain = NAMES[case["name"]].isascii() or inside.isdisjoint(ESCAPING)
            unusual = case["name"] in ("quoted", "coloned") or (case["name"] == "zero width" and "repr" in broken)
            return case["carrier"] in KEYED and plain and not unusual and inside.isdisjoint(CODED)
        case "value":
            return case["leaf"] not in ("number", "fraction", "numbers") and not (broken and not set(wraps).isdisjoint(CODED))
        case "allow":
            return _withheld(case)
        case _ if case["path"] == "echo":
            # An id is looked for at keys that name ids, and nowhere inside of texts.
            fits = case["named"] != "id" or (case["key"] in IDS and case["shape"] in ("text", "list"))
            return fits and _naming(case) is not None
        case _:
            # In the data of an event, a key is replaced if it is an address or a phone number, and is a name otherwise.
            name = case["named"] == "id" and case["shape"] == "key" and not DATA.isdisjoint(case["path"])
            return list(case["path"]) in _named(case["row"]) and not name


def _withheld(case: Case) -> bool:
    """Say whether minimisation must keep what stands at the path of a case from leaving."""
    row, path = rows.ROWS[case["row"]], tuple(case["path"])
    if path and path[-1] in {"plan", *row.sending}:
        return False
    exempt = [position for position, _ in rows.positions(row)]
    return not any(rows.selects(position, path) or rows.selects(position, (*path, rows.EACH)) for position in exempt)


def _somewhere(rng: Random, row: str) -> list[str]:
    """Return a path that begins like a position or a container of a row, and goes on anywhere."""
    known = [position for position, _ in rows.positions(rows.ROWS[row])] + list(rows.containers(row))
    start = [step if step not in ("*", "**") else "x" for step in rng.choice(known or [()])]
    path = start[: rng.randint(0, len(start))] + [rng.choice(NOWHERE) for _ in range(rng.choice((0, 1, 1, 2)))]
    return [*path, *([rows.EACH] if rng.random() < 0.1 else [])]


def _named(row: str) -> list[list[str]]:
    """Return the positions of identifiers that are replaced."""
    return [list(path) for path, kind in rows.positions(rows.ROWS[row]) if kind is not None and kind not in KEPT]


def _spelled(case: Case) -> str:
    name = NAMES[case["name"]]
    if "query" in case["carrier"] or "form" in case["carrier"] or case["carrier"] == "fragment":
        return quote(name, safe="[]%/.") if name.isascii() else name
    return name


def _placed(case: Case, value: Any) -> object:  # noqa: ANN401 - any JSON
    for wrap in case["wraps"]:
        value = (WRAPS.get(wrap) or BROKEN[wrap])(value)
    places = rows.containers(case["row"])
    return rows.put(rows.skeleton(case["row"]), places[case["place"] % len(places)], {"extra": value})


def _person(case: Case, text: str) -> tuple[str, object]:
    """Return target and body of a call that names a person, who is named once more."""
    row, body = rows.ROWS[case["row"]], rows.skeleton(case["row"])
    again = text.upper() if case["upper"] and case["named"] == "email" else text
    shaped: object = {
        "text": again, "list": [again], "lists": [[again]], "object": {"id": again}, "held list": json.dumps([again]),
        "held object": json.dumps({"email": again}), "key": {again: 1}, "held text": json.dumps(again),
    }[case["shape"]]  # fmt: skip
    if case["path"] != "echo":
        return rows.target(row), rows.put(body, tuple(case["path"]), shaped)
    position = _naming(case)
    if position:
        body = rows.put(body, position, text)
    places = rows.containers(case["row"])
    exempt = [position for position, _ in rows.positions(row)]
    where = (*places[case["place"] % len(places)], case["key"])
    if not any(rows.selects(position, where) for position in exempt):
        body = rows.put(body, where, shaped if case["shape"] in ("text", "list", "held list", "held object") else again)
    return rows.target(row, "5" if position else quote(text, safe="")), body


def _naming(case: Case) -> rows.Path | None:
    """Return where a call names its person: a position of the body, `()` for the path, or None: it cannot."""
    row, kinds = rows.ROWS[case["row"]], NAMING[case["named"]]
    if row.path_ids.get("identifier") in kinds:
        return ()
    return next((path for path, kind in rows.positions(row) if kind in kinds), None)


def _detected(detector: str, number: int) -> str:
    """Return something that a detector knows, and that looks like nothing else."""
    match detector:
        case "email":
            return f"c4nary.{number}@example.com"
        case "us_ssn":
            return f"536-{number % 89 + 10}-{number % 8999 + 1000}"
        case "ipv4":
            return f"203.{number % 199 + 11}.{number % 173 + 11}.{number % 97 + 101}"
        case "iban":
            account = f"WEST{number % 10**14:014}"
            digits = "".join(str(int(each, 36)) for each in f"{account}GB00")
            return f"GB{98 - int(digits) % 97:02}{account}"
        case _:
            digits = f"4{number % 10**14:014}"
            doubled = sum(sum(divmod(int(each) * (2 - at % 2), 10)) for at, each in enumerate(digits))
            return f"{digits}{-doubled % 10}"
