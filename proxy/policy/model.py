"""The shape of a policy file: ordered rules, hashing, minimisation, pseudonyms (docs/policy.md).

An unknown key is an error, so no rule is silently without effect.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from proxy.config.values import FROM_LIST, LocalPath, Name, SecretReference, Section
from proxy.credentials.model import naming
from proxy.policy.names import normal_form
from proxy.policy.selector import steps

RULES_MAX = 500
FIELDS_MAX = 1000
FIELD_MAX_CHARACTERS = 150  # Customer.io's own limit for an attribute name (Track API reference)
PATHS_MAX = 1000
PATH_MAX_CHARACTERS = 500
PATTERN_MAX_CHARACTERS = 1000
# The names of minimisation and pseudonyms in places that list rule names, such as metrics.
ALLOW, IDENTIFIERS = "allow", "identifiers"
# The warning at load for unkeyed hashes: anyone who tries every possible value can undo them.
UNKEYED = "hashes have no key, so anyone can recompute them; use hmac-sha256"


class Action(StrEnum):
    """The action of a rule on a field."""

    STRIP = "strip"  # the key is dropped
    HASH = "hash"  # key k is replaced by k_hash
    MASK = "mask"  # the key stays, its value is [REDACTED]
    DENY = "deny"  # the whole request is refused


class Mode(StrEnum):
    """Whether a rule changes and refuses calls, only counts them, or is ignored."""

    OFF = "off"
    REPORT = "report"  # counts the matches and changes nothing
    ENFORCE = "enforce"


KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Pseudonym = Literal["keep", "hmac"]


class PreviousKey(Section):
    """A key that made hashes earlier."""

    key: SecretReference
    key_id: KeyId
    """The prefix of its hashes."""


class HashSection(Section):
    """How values are hashed."""

    algorithm: Literal["sha256", "hmac-sha256"]
    """hmac-sha256 has a key. sha256 has none: anyone who sees a hash can find its value by trying all values."""
    key: SecretReference | None = None
    """The secret key of hmac-sha256. Without a key, anyone could recompute the hash of a phone number."""
    key_id: KeyId | None = None
    """The prefix of each hash. It tells which key made the hash, so that the key can be replaced."""
    previous: Annotated[tuple[PreviousKey, ...], FROM_LIST, Field(max_length=20)] = ()
    """Earlier keys. Hashes made with them are recognised, and stay unchanged."""
    hex_length: Annotated[int, Field(ge=8, le=64)] = 32
    """The length of a hash in hexadecimal digits."""

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if self.algorithm == "hmac-sha256":
            if self.key is None or self.key_id is None:
                raise ValueError("hmac-sha256 needs key and key_id")
        elif self.key is not None or self.key_id is not None:
            raise ValueError("sha256 takes neither key nor key_id; use hmac-sha256")
        elif self.previous:
            raise ValueError("sha256 has no previous keys")
        ids = [self.key_id, *(previous.key_id for previous in self.previous)]
        if len(set(ids)) != len(ids):
            raise ValueError("two keys have the same key_id")
        return self


class Identifiers(Section):
    """The types of identifiers that are replaced by pseudonyms. Customer.io's own ids are always kept."""

    id: Pseudonym = "keep"
    """Your own ids of people."""
    email: Pseudonym = "keep"
    """Email addresses. The pseudonym has the form of an email address, and no mail is delivered to it."""
    phone: Pseudonym = "keep"
    """Phone numbers that identify a person."""
    anonymous_id: Pseudonym = "keep"
    """Ids of anonymous people."""


class RuleSection(Section):
    """One rule. The first rule that matches a field decides on it."""

    name: Name
    """The name of the rule in metrics and cases."""
    fields: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=FIELDS_MAX)] = ()
    """Field names; compared in normal form, at any depth."""
    paths: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=PATHS_MAX)] = ()
    """Paths in the body, such as `attributes.address.city`; `*` is any one key, `**` any number of keys."""
    detect: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=200)] = ()
    """Detectors that search every value, such as `payment_card`, or a name from `patterns`."""
    action: Annotated[Action, FROM_LIST]
    """strip: the key is dropped; hash: key k becomes k_hash; mask: the value becomes [REDACTED]; deny: the call is refused."""
    mode: Annotated[Mode, FROM_LIST] | None = None
    """null: the mode of the policy."""
    endpoints: Annotated[tuple[str, ...], FROM_LIST, Field(min_length=1, max_length=200)] = ("*",)
    """Globs over endpoint names, such as `track.*`."""
    callers: Annotated[tuple[Name, ...], FROM_LIST, Field(min_length=1, max_length=200)] | None = None
    """The callers that the rule covers, by their names in `outbound.callers`; null: all callers."""
    reason: Annotated[str, Field(max_length=500)] | None = None
    """Why the rule exists; for readers of the policy."""
    force: bool = False
    """true: the rule may change a field that a message needs."""

    @field_validator("fields")
    @classmethod
    def _named(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        for field in fields:
            if len(field) > FIELD_MAX_CHARACTERS or not normal_form(field):
                raise ValueError(f"each must have a letter or digit and at most {FIELD_MAX_CHARACTERS} characters")
        return fields

    @field_validator("paths")
    @classmethod
    def _selecting(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if len(path) > PATH_MAX_CHARACTERS:
                raise ValueError(f"each must have at most {PATH_MAX_CHARACTERS} characters")
            steps(path)
        return paths

    @model_validator(mode="after")
    def _matching(self) -> Self:
        if not (self.fields or self.paths or self.detect):
            raise ValueError("can match nothing; set fields, paths or detect")
        if self.detect and (self.fields or self.paths):
            raise ValueError("detect searches every value; put fields and paths into a separate rule")
        if self.name in (ALLOW, IDENTIFIERS):
            raise ValueError("the name is reserved for a part of the policy itself; choose another")
        return self


class InventorySection(Section):
    """The record of the fields that callers send: their paths and types, never a value."""

    detect: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=200)] = ()
    """Detectors that search every value, such as `payment_card`, or a name from `patterns`; no rule needs to use them."""
    known: LocalPath | None = None
    """A file written by `policy inventory --json`: its fields are not reported as new."""


class PolicyDocument(Section):
    """The top level of a policy file."""

    PAGE: ClassVar[str] = "docs/policy.md"
    version: Literal[1]
    """The version of the file format."""
    mode: Annotated[Mode, FROM_LIST] = Mode.ENFORCE
    """off: rules are ignored; report: matches are counted and change nothing; enforce: rules act."""
    hash: HashSection | None = None
    """How values are hashed; required if a rule hashes, and for identifiers."""
    rules: Annotated[tuple[RuleSection, ...], FROM_LIST, Field(max_length=RULES_MAX)] = ()
    """The rules in order: the first rule that matches a field decides on it."""
    allow: Mapping[str, Annotated[tuple[str, ...], FROM_LIST, Field(max_length=FIELDS_MAX)]] | None = None
    """Minimisation: for these endpoints (globs), only the listed fields are sent."""
    patterns: Mapping[Name, Annotated[str, Field(min_length=1, max_length=PATTERN_MAX_CHARACTERS)]] = {}
    """Your own detectors: regular expressions (RE2), by the name that `detect` uses."""
    identifiers: Literal["keep"] | Identifiers = "keep"
    """Pseudonyms in place of identifiers, by type; keep: identifiers stay unchanged."""
    inventory: InventorySection | None = None
    """The record of the fields that callers send, for `cio-sidecar policy inventory`; null: no record."""
    vendor_limits: Annotated[Mode, FROM_LIST] = Mode.REPORT
    """Calls over Customer.io's own limits: report counts them, enforce drops or refuses them, off ignores them."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        first: dict[str, int] = {}
        for index, rule in enumerate(self.rules):
            if (earlier := first.setdefault(rule.name, index)) != index:
                same = naming("two rules have the same name", rule.name)
                raise ValueError(f"{same} (rules.{earlier} and rules.{index})")
        if self.hash is None and any(rule.action is Action.HASH for rule in self.rules):
            raise ValueError("a rule hashes, so hash must be set")
        if self.identifiers != "keep" and (self.hash is None or self.hash.algorithm != "hmac-sha256"):
            raise ValueError("identifiers are replaced by keyed hashes, so hash.algorithm must be hmac-sha256")
        return self
