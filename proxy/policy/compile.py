"""Turns a policy document into what is applied: for each endpoint, which rule decides on which field.

The first rule that matches wins, in file order, so everything can be decided here and looked up by name later. Found at load,
because nobody would notice them later:
* a glob that names no endpoint;
* a field that an earlier rule takes everywhere, whatever its action: the later rule could never act on it;
* a rule that would change a field a message is sent by, unless it says `force: true`.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from proxy.api.model import Endpoint
from proxy.errors import ConfigError
from proxy.policy.actions import Hasher, HmacHasher, Sha256Hasher, canonical_form
from proxy.policy.apply import EndpointPolicy, Field, Hit, Matcher
from proxy.policy.model import Action, HashSection, Mode, PolicyDocument, RuleSection, normal_form
from proxy.policy.positions import tree
from proxy.sensitive import Sensitive

# Stands in where no rule hashes.
_UNUSED = HashSection(algorithm="sha256")

_LOOKING = frozenset({Action.DENY})


class Policy:
    """A compiled policy."""

    def __init__(self, endpoints: Mapping[str, EndpointPolicy], unknown: EndpointPolicy, hits: tuple[Hit, ...]) -> None:
        """Hold the policy of each endpoint by its name, that of endpoints the table does not know, and all that can act."""
        self.hits = hits
        self._endpoints = endpoints
        self._unknown = unknown

    def for_endpoint(self, name: str) -> EndpointPolicy:
        """Return the policy of the endpoint called `name`."""
        return self._endpoints.get(name, self._unknown)


# Compiles a policy whose own key is not known yet. Nothing may be sent under it.
NO_KEY = Sensitive(b"")


def compile_policy(document: PolicyDocument, endpoints: Sequence[Endpoint], hash_key: Sensitive[bytes] | None) -> Policy:
    """Compile `document` for `endpoints`; `hash_key` is the secret that `hash.key` refers to.

    Raises:
        ConfigError: a rule cannot act, contradicts an earlier one, or would break sending; or the hash key is missing.
    """
    names = [endpoint.name for endpoint in endpoints]
    scopes = [_scope(index, rule, names) for index, rule in enumerate(document.rules)]
    _refuse_shadowed(document.rules, scopes)
    _refuse_unsendable(document, endpoints, scopes)
    hasher = _hasher(document, hash_key)
    matchers: dict[tuple[int, ...], Matcher] = {}

    def compiled(endpoint: Endpoint | None) -> EndpointPolicy:
        # An endpoint that the table does not know could be any: every rule holds for it, whatever endpoints it is meant for.
        chosen = tuple(
            index
            for index, rule in enumerate(document.rules)
            if _mode(document, rule) is not Mode.OFF and (endpoint is None or endpoint.name in scopes[index])
        )
        if chosen not in matchers:
            matchers[chosen] = Matcher(_Finder(document, [document.rules[index] for index in chosen]).find)
        positions = (*endpoint.identifiers, *endpoint.routing) if endpoint else ()
        return EndpointPolicy(matchers[chosen], tree(positions), hasher)

    hits = tuple(_hit(document, rule) for rule in document.rules if _mode(document, rule) is not Mode.OFF)
    return Policy({endpoint.name: compiled(endpoint) for endpoint in endpoints}, compiled(None), hits)


class _Finder:
    """Decides on a key by the rules of one scope."""

    def __init__(self, document: PolicyDocument, rules: Iterable[RuleSection]) -> None:
        self._first: dict[str, tuple[int, Hit]] = {}
        self._first_looking: dict[str, tuple[int, Hit]] = {}
        for order, rule in enumerate(rules):
            hit = _hit(document, rule)
            for field in rule.fields:
                name = normal_form(field)
                self._first.setdefault(name, (order, hit))
                if not hit.enforced or hit.action in _LOOKING:
                    self._first_looking.setdefault(name, (order, hit))

    def find(self, key: str) -> Field | None:
        """Return what happens to `key`: matched whole, and where it is dotted by each of its segments."""
        whole = normal_form(key)
        names = [whole, *map(normal_form, key.split("."))] if "." in key else [whole]
        anywhere = min((self._first[name] for name in names if name in self._first), default=None, key=_order)
        looking = min((self._first_looking[name] for name in names if name in self._first_looking), default=None, key=_order)
        if anywhere is None:
            return None
        return Field(key, anywhere[1], looking[1] if looking else None, canonical_form(names[-1]))


def _order(candidate: tuple[int, Hit]) -> int:
    return candidate[0]


def _hit(document: PolicyDocument, rule: RuleSection) -> Hit:
    return Hit(rule.name, rule.action, _mode(document, rule))


def _mode(document: PolicyDocument, rule: RuleSection) -> Mode:
    return rule.mode or document.mode


def _scope(index: int, rule: RuleSection, names: Sequence[str]) -> frozenset[str]:
    """Return the names of the endpoints that a rule is for."""
    scope: set[str] = set()
    for position, glob in enumerate(rule.endpoints):
        matched = {name for name in names if fnmatchcase(name, glob)}
        if not matched:
            raise ConfigError(
                "names no endpoint; docs/endpoints.md lists them", path=f"policy.rules.{index}.endpoints.{position}"
            )
        scope |= matched
    return frozenset(scope)


def _refuse_shadowed(rules: Sequence[RuleSection], scopes: Sequence[frozenset[str]]) -> None:
    taken: dict[str, set[str]] = {}
    for index, (rule, scope) in enumerate(zip(rules, scopes, strict=True)):
        if rule.mode is Mode.OFF:
            continue
        for position, field in enumerate(rule.fields):
            endpoints = taken.setdefault(normal_form(field), set())
            if scope <= endpoints:
                raise ConfigError(
                    "can never match: earlier rules take this field at each of the rule's endpoints",
                    path=f"policy.rules.{index}.fields.{position}",
                )
            endpoints |= scope


def _refuse_unsendable(document: PolicyDocument, endpoints: Sequence[Endpoint], scopes: Sequence[frozenset[str]]) -> None:
    for index, (rule, scope) in enumerate(zip(document.rules, scopes, strict=True)):
        if rule.force or rule.action is Action.DENY or _mode(document, rule) is not Mode.ENFORCE:
            continue
        for position, field in enumerate(rule.fields):
            for endpoint in endpoints:
                if endpoint.name in scope and normal_form(field) in map(normal_form, endpoint.sending):
                    raise ConfigError(
                        f"{endpoint.name} needs this field to send; narrow the rule's endpoints, or set force: true",
                        path=f"policy.rules.{index}.fields.{position}",
                    )


def _hasher(document: PolicyDocument, hash_key: Sensitive[bytes] | None) -> Hasher:
    section = document.hash or _UNUSED
    if section.algorithm == "sha256":
        return Sha256Hasher(section.hex_length)
    if hash_key is None or section.key_id is None:
        raise ConfigError("the secret could not be read", path="policy.hash.key")
    return HmacHasher(hash_key, section.key_id, section.hex_length)
