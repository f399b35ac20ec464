"""Compiles a policy document: for each endpoint and caller, which rule decides on which field.

The first matching rule in file order decides. So every decision is made here, and a call only looks it up by name. The load of
a policy fails on faults that would go unnoticed later:
* a glob that matches no endpoint, an unknown detector, a pattern that is no regular expression;
* a field, path or detector that earlier rules already cover at every endpoint and caller of the rule: it could never match;
* a rule that would change a field that a message needs, unless the rule has `force: true`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from proxy.api.model import Endpoint, Identifier
from proxy.errors import ConfigError
from proxy.policy.actions import Hasher, HmacHasher, Sha256Hasher, canonical_form
from proxy.policy.apply import EndpointPolicy
from proxy.policy.deciding import Ruleset
from proxy.policy.detect import Detecting, Detection
from proxy.policy.detectors.scanner import Scanner
from proxy.policy.fields import Choice, Choices, Field, Hit, Matcher
from proxy.policy.identity import Pseudonyms
from proxy.policy.minimise import Allowed
from proxy.policy.model import ALLOW, IDENTIFIERS, Action, HashSection, Mode, PolicyDocument, RuleSection
from proxy.policy.names import normal_form, spelled_names
from proxy.policy.people import Identity
from proxy.policy.positions import tree
from proxy.policy.selector import ANY, DEEP, Selectors, Steps, steps
from proxy.sensitive import Sensitive

# The placeholder where no rule hashes.
_UNUSED = HashSection(algorithm="sha256")

_LOOKING = frozenset({Action.DENY})
# The caller name that stands for all callers that no rule names.
_ANYONE = ""


class Policy:
    """A compiled policy. The rules for a caller that the policy names are compiled at that caller's first call, and kept."""

    def __init__(
        self, compiler: "_Compiler", hits: tuple[Hit, ...], inventory_scanner: Scanner | None, vendor_limits: Mode
    ) -> None:
        """Store the compiler, the hits of all rules, the scanner of the inventory, and the mode of Customer.io's limits."""
        self.hits = hits
        self.inventory_scanner = inventory_scanner
        self.vendor_limits = vendor_limits
        self._compiler = compiler
        self._callers = compiler.callers
        self._unknown = compiler.compiled("", _ANYONE)
        self._by_endpoint = {name: compiler.compiled(name, _ANYONE) for name in compiler.endpoints}
        self._by_caller: dict[tuple[str, str], EndpointPolicy] = {}

    def for_endpoint(self, name: str, caller: str = _ANYONE) -> EndpointPolicy:
        """Return the rules for calls of `caller` to the endpoint `name`; an unknown endpoint has rules of its own."""
        if caller not in self._callers:
            return self._by_endpoint.get(name, self._unknown)
        known = name if name in self._by_endpoint else ""
        made = self._by_caller.get((known, caller))
        if made is None:
            made = self._by_caller[known, caller] = self._compiler.compiled(known, caller)
        return made


# The hash key for checks that run before the real key is known. No call may be sent under it.
NO_KEY = Sensitive(b"")


def compile_policy(document: PolicyDocument, endpoints: Sequence[Endpoint], hash_key: Sensitive[bytes] | None) -> Policy:
    """Compile `document` for `endpoints`; `hash_key` is the secret that `hash.key` refers to.

    Raises:
        ConfigError: a rule can never match, or would break sending, or the hash key is missing.
    """
    rules = [_Rule(index, rule, document, endpoints) for index, rule in enumerate(document.rules)]
    _refuse_shadowed(rules)
    _refuse_unsendable(rules, endpoints)
    detection = Detection(document.patterns)
    for rule in rules:
        detection.check(rule.section.detect, f"policy.rules.{rule.index}.detect")
    sought = () if document.inventory is None else document.inventory.detect
    detection.check(sought, "policy.inventory.detect")
    compiler = _Compiler(document, rules, endpoints, _hasher(document, hash_key), detection)
    compiler.prepare()
    hits = [rule.hit for rule in rules if rule.hit is not None]
    if compiler.allow:
        hits.append(Hit(ALLOW, Action.STRIP, document.mode))
    return Policy(compiler, (*hits, *compiler.identity_hits), detection.scanner(sought), document.vendor_limits)


class _Rule:
    """A rule with its number in the file, its effective mode and the names of its endpoints."""

    def __init__(self, index: int, section: RuleSection, document: PolicyDocument, endpoints: Sequence[Endpoint]) -> None:
        self.index = index
        self.section = section
        self.mode = section.mode or document.mode
        self.hit = None if self.mode is Mode.OFF else Hit(section.name, section.action, self.mode)
        self.scope = _matched(section.endpoints, endpoints, f"policy.rules.{index}.endpoints")
        self.paths = tuple(map(steps, section.paths))

    @property
    def looking(self) -> bool:
        """Whether the rule is observe-only. Only such a rule may decide on identifiers, because it changes nothing."""
        return self.mode is not Mode.ENFORCE or self.section.action in _LOOKING

    def holds(self, endpoint: str, caller: str) -> bool:
        """Return whether the rule covers an endpoint and caller. An unknown endpoint ("") could be any, so all rules do."""
        callers = self.section.callers
        return self.hit is not None and (not endpoint or endpoint in self.scope) and (callers is None or caller in callers)


class _Compiler:
    """Compiles the rules for one endpoint and caller; parts that several pairs share are built once."""

    def __init__(
        self,
        document: PolicyDocument,
        rules: Sequence[_Rule],
        endpoints: Sequence[Endpoint],
        hasher: Hasher,
        detection: Detection,
    ) -> None:
        self.endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self.callers = frozenset(caller for rule in rules for caller in rule.section.callers or ())
        self.allow = {
            name: names
            for glob, names in (document.allow or {}).items()
            for name in _matched((glob,), endpoints, f"policy.allow.{glob}")
        }
        self._document = document
        self._rules = rules
        self._hasher = hasher
        self._pseudonyms = _pseudonyms(document, hasher)
        self._identity_hit = Hit(IDENTIFIERS, Action.HASH, document.mode)
        self._detection = detection
        self._detecting: dict[tuple[int, ...], Detecting | None] = {}
        self._shared: dict[tuple[int, ...], tuple[Matcher, Selectors[Choices], Detecting | None]] = {}

    def compiled(self, name: str, caller: str) -> EndpointPolicy:
        """Return the rules for an endpoint and caller; the empty name stands for an endpoint that is not in the table."""
        endpoint = self.endpoints.get(name)
        chosen = [rule for rule in self._rules if rule.holds(name, caller)]
        key = tuple(rule.index for rule in chosen)
        if key not in self._shared:
            self._shared[key] = Matcher(_Finder(chosen).find), _selectors(chosen), self._looking(chosen)
        matcher, selectors, detecting = self._shared[key]
        allowed = self._allowed(endpoint)
        identity = None if self._pseudonyms is None else Identity(self._pseudonyms, self._identity_hit, endpoint)
        return EndpointPolicy(Ruleset(matcher, tree(endpoint), self._hasher, selectors, detecting, allowed, identity))

    def prepare(self) -> None:
        """Build the detectors for each caller that rules name. It can take 0.1 s, which no call should wait for."""
        detecting = [rule for rule in self._rules if rule.section.detect]
        for caller in self.callers if detecting else ():
            for name in ("", *self.endpoints):
                self._looking([rule for rule in detecting if rule.holds(name, caller)])

    def _looking(self, chosen: Iterable[_Rule]) -> Detecting | None:
        detecting = [rule for rule in chosen if rule.section.detect]
        key = tuple(rule.index for rule in detecting)
        if key not in self._detecting:
            self._detecting[key] = self._detection.detecting(_detectors(detecting))
        return self._detecting[key]

    @property
    def identity_hits(self) -> list[Hit]:
        """The hits that count replaced identifiers: one, or none where identifiers are kept."""
        return [] if self._pseudonyms is None else [self._identity_hit]

    def _allowed(self, endpoint: Endpoint | None) -> Allowed | None:
        names = None if endpoint is None else self.allow.get(endpoint.name)
        if endpoint is None or names is None or self._document.mode is Mode.OFF:
            return None
        return Allowed(names, Hit(ALLOW, Action.STRIP, self._document.mode))


class _Finder:
    """Chooses the rule for a key by the `fields` of the rules of one endpoint and caller."""

    def __init__(self, rules: Iterable[_Rule]) -> None:
        self._first: dict[str, _Rule] = {}
        self._first_looking: dict[str, _Rule] = {}
        for rule in rules:
            for field in rule.section.fields:
                name = normal_form(field)
                self._first.setdefault(name, rule)
                if rule.looking:
                    self._first_looking.setdefault(name, rule)

    def find(self, key: str) -> Field | None:
        """Return the decision on `key` by the names that it spells, or None if no rule matches one."""
        names = spelled_names(key)
        if self._first.keys().isdisjoint(names):
            return None
        anywhere = min((self._first[name] for name in names if name in self._first), default=None, key=_order)
        looking = min((self._first_looking[name] for name in names if name in self._first_looking), default=None, key=_order)
        # The index in `phone[0]` is no field name.
        last = next((name for name in reversed(names) if not name.isdecimal()), names[-1])
        choice = _choice(anywhere, last)
        return None if choice is None else Field(key, choice, _choice(looking, last))


def _order(rule: _Rule) -> int:
    return rule.index


def _choice(rule: _Rule | None, name: str) -> Choice | None:
    return None if rule is None or rule.hit is None else Choice(rule.index, rule.hit, canonical_form(name))


def _selectors(rules: Iterable[_Rule]) -> Selectors[Choices]:
    """Return the selectors of all paths; where several select one place, the first rule of the file decides."""
    found: dict[Steps, Choices] = {}
    for rule in rules:
        for path in rule.paths:
            choice = _choice(rule, path[-1])
            found[path] = _first([*([found[path]] if path in found else []), Choices(choice, choice if rule.looking else None)])
    return Selectors(found, _first)


def _detectors(rules: Iterable[_Rule]) -> dict[str, Choices]:
    """Return the deciding rules for each detector's finds."""
    found: dict[str, Choices] = {}
    for rule in rules:
        for name in rule.section.detect:
            choice = _choice(rule, name.partition(":")[0])
            found[name] = _first([*([found[name]] if name in found else []), Choices(choice, choice if rule.looking else None)])
    return found


def _first(choices: Iterable[Choices]) -> Choices:
    """Return the choices of the first rule in the file: one for ordinary positions, one for identifier positions."""
    several = list(choices)
    anywhere = [each.anywhere for each in several if each.anywhere is not None]
    at_identifier = [each.at_identifier for each in several if each.at_identifier is not None]
    return Choices(
        min(anywhere, key=lambda choice: choice.order, default=None),
        min(at_identifier, key=lambda choice: choice.order, default=None),
    )


def _matched(globs: Sequence[str], endpoints: Sequence[Endpoint], path: str) -> frozenset[str]:
    """Return the names of the endpoints that `globs` match.

    Raises:
        ConfigError: a glob matches none.
    """
    scope: set[str] = set()
    for position, glob in enumerate(globs):
        matched = {endpoint.name for endpoint in endpoints if fnmatchcase(endpoint.name, glob)}
        if not matched:
            where = path if path.startswith("policy.allow.") else f"{path}.{position}"
            raise ConfigError("matches no endpoint; docs/endpoints.md lists them", path=where)
        scope |= matched
    return frozenset(scope)


# One entry of a rule: its key (`fields`, `paths` or `detect`), its index there, and its parsed form.
_Named = tuple[str, int, object]


def _named(rule: _Rule) -> Iterator[_Named]:
    yield from (("fields", position, normal_form(field)) for position, field in enumerate(rule.section.fields))
    yield from (("paths", position, path) for position, path in enumerate(rule.paths))
    yield from (("detect", position, detector) for position, detector in enumerate(rule.section.detect))


def _refuse_shadowed(rules: Iterable[_Rule]) -> None:
    """Raise ConfigError for an entry that earlier rules already match at every endpoint and caller of its rule."""
    taken: dict[object, dict[str | None, set[str]]] = {}
    for rule in rules:
        if rule.hit is None:
            continue
        for kind, position, what in _named(rule):
            by_caller = taken.setdefault((kind, what), {None: set()})
            callers = rule.section.callers or (None,)
            if all(rule.scope <= by_caller[None] | by_caller.get(caller, set()) for caller in callers):
                raise ConfigError(
                    f"can never match: earlier rules match this {_SINGULAR[kind]} at each of the rule's endpoints",
                    path=f"policy.rules.{rule.index}.{kind}.{position}",
                )
            for caller in callers:
                by_caller.setdefault(caller, set()).update(rule.scope)


_SINGULAR: Mapping[str, str] = {"fields": "field", "paths": "path", "detect": "detector"}


def _refuse_unsendable(rules: Iterable[_Rule], endpoints: Sequence[Endpoint]) -> None:
    for rule in rules:
        if rule.section.force or rule.looking:
            continue
        for kind, position, what in _named(rule):
            for endpoint in endpoints:
                if endpoint.name in rule.scope and any(_touches(kind, what, normal_form(name)) for name in endpoint.sending):
                    raise ConfigError(
                        f"{endpoint.name} needs this field to send a message; narrow the rule's endpoints, or set force: true",
                        path=f"policy.rules.{rule.index}.{kind}.{position}",
                    )


def _touches(kind: str, what: object, name: str) -> bool:
    """Return whether an entry of a rule matches the field `name` of a message."""
    if kind == "paths" and isinstance(what, tuple):
        return what in ((name,), (ANY,), (DEEP, name), (DEEP, ANY))
    return kind == "fields" and what == name


# The names that a policy gives the types of identifiers.
_KINDS = {
    "id": Identifier.ID,
    "email": Identifier.EMAIL,
    "phone": Identifier.PHONE,
    "anonymous_id": Identifier.ANONYMOUS_ID,
}


def _pseudonyms(document: PolicyDocument, hasher: Hasher) -> Pseudonyms | None:
    section = document.identifiers
    if section == "keep" or document.mode is Mode.OFF or document.hash is None or not isinstance(hasher, HmacHasher):
        return None
    kinds = [kind for name, kind in _KINDS.items() if getattr(section, name) != "keep"]
    return Pseudonyms(hasher, kinds, [key.key_id for key in document.hash.previous]) if kinds else None


def _hasher(document: PolicyDocument, hash_key: Sensitive[bytes] | None) -> Hasher:
    section = document.hash or _UNUSED
    if section.algorithm == "sha256":
        return Sha256Hasher(section.hex_length)
    if hash_key is None or section.key_id is None:
        raise ConfigError("the secret could not be read", path="policy.hash.key")
    return HmacHasher(hash_key, section.key_id, section.hex_length, [previous.key_id for previous in section.previous])
