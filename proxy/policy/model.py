"""The policy as it is written: rules over field names, in order, and how values are hashed (design 5).

What has no machinery yet is part of the shape and refused by name, so that no rule is ever silently without effect.
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
# What minimisation and pseudonyms are called where rules are named.
ALLOW, IDENTIFIERS = "allow", "identifiers"
# Said at load of a policy whose hashes hide nothing from somebody who tries every value.
UNKEYED = "hashes have no key, so anyone can recompute them; use hmac-sha256"


class Action(StrEnum):
    """What a rule does to a field."""

    STRIP = "strip"  # the key goes
    HASH = "hash"  # key k is replaced by k_hash
    MASK = "mask"  # the key stays, its value is [REDACTED]
    DENY = "deny"  # the whole request is refused


class Mode(StrEnum):
    """Whether a rule acts."""

    OFF = "off"
    REPORT = "report"  # counts what it would do
    ENFORCE = "enforce"


KeyId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
Pseudonym = Literal["keep", "hmac"]


class PreviousKey(Section):
    """A key that hashes were made with before."""

    key: SecretReference
    key_id: KeyId
    """What stood before its hashes."""


class HashSection(Section):
    """How values are hashed."""

    algorithm: Literal["sha256", "hmac-sha256"]
    """hmac-sha256 has a key; sha256 has none, and who sees a hash can try every value."""
    key: SecretReference | None = None
    """The secret of hmac-sha256. Without it anyone could recompute the hash of a phone number."""
    key_id: KeyId | None = None
    """Stands before each hash, so that the key can be replaced one day."""
    previous: Annotated[tuple[PreviousKey, ...], FROM_LIST, Field(max_length=20)] = ()
    """Keys used before, so that what was made with them is still known: it is left as it is."""
    hex_length: Annotated[int, Field(ge=8, le=64)] = 32
    """How many hexadecimal digits are kept."""

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
    """Which types of identifiers are replaced by pseudonyms. Customer.io's own ids are always kept."""

    id: Pseudonym = "keep"
    """Ids of your own."""
    email: Pseudonym = "keep"
    """Email addresses; a pseudonym of one looks like one, and no mail can reach it."""
    phone: Pseudonym = "keep"
    """Phone numbers that name a person."""
    anonymous_id: Pseudonym = "keep"
    """Ids of people who are not known yet."""


class RuleSection(Section):
    """One rule. The first rule that matches a field decides on it."""

    name: Name
    """What the rule is called in metrics and cases."""
    fields: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=FIELDS_MAX)] = ()
    """Field names; compared in normal form, at any depth."""
    paths: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=PATHS_MAX)] = ()
    """Places, such as `attributes.address.city`; `*` is any one key, `**` any number of keys."""
    detect: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=200)] = ()
    """What is looked for in values, such as `payment_card`, or a name from `patterns`."""
    action: Annotated[Action, FROM_LIST]
    """strip: the key goes; hash: key k becomes k_hash; mask: its value becomes [REDACTED]; deny: the request is refused."""
    mode: Annotated[Mode, FROM_LIST] | None = None
    """null: the policy's own."""
    endpoints: Annotated[tuple[str, ...], FROM_LIST, Field(min_length=1, max_length=200)] = ("*",)
    """Globs over endpoint names, such as `track.*`."""
    callers: Annotated[tuple[Name, ...], FROM_LIST, Field(min_length=1, max_length=200)] | None = None
    """Whose calls the rule is for, by their names in `outbound.callers`; null: everyone's."""
    reason: Annotated[str, Field(max_length=500)] | None = None
    """Why the rule is there; for people."""
    force: bool = False
    """Touch a field that a message is sent by."""

    @field_validator("fields")
    @classmethod
    def _named(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        for field in fields:
            if len(field) > FIELD_MAX_CHARACTERS or not normal_form(field):
                raise ValueError(f"each must hold a letter or digit and at most {FIELD_MAX_CHARACTERS} characters")
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
            raise ValueError("names nothing; give fields, paths or detect")
        if self.detect and (self.fields or self.paths):
            raise ValueError("detect looks at every value; put fields and paths into a rule of their own")
        if self.name in (ALLOW, IDENTIFIERS):
            raise ValueError("that name stands for a part of the policy itself; take another")
        return self


class InventorySection(Section):
    """What is written down of the fields that callers send: their paths and types, never a value."""

    detect: Annotated[tuple[str, ...], FROM_LIST, Field(max_length=200)] = ()
    """What is looked for in every value, such as `payment_card`, or a name from `patterns`; rules need not name it."""
    known: LocalPath | None = None
    """A file that `policy inventory --json` wrote: fields in it are not new."""


class PolicyDocument(Section):
    """A policy file."""

    PAGE: ClassVar[str] = "docs/policy.md"
    version: Literal[1]
    """Of the shape of this file."""
    mode: Annotated[Mode, FROM_LIST] = Mode.ENFORCE
    """off: rules are not looked at; report: they are counted and change nothing; enforce: they act."""
    hash: HashSection | None = None
    """How values are hashed; needed where a rule hashes, and for identifiers."""
    rules: Annotated[tuple[RuleSection, ...], FROM_LIST, Field(max_length=RULES_MAX)] = ()
    """In order: the first rule that matches a field decides on it."""
    allow: Mapping[str, Annotated[tuple[str, ...], FROM_LIST, Field(max_length=FIELDS_MAX)]] | None = None
    """Minimisation: of the bodies of these endpoints (globs), only the fields that are named leave."""
    patterns: Mapping[Name, Annotated[str, Field(min_length=1, max_length=PATTERN_MAX_CHARACTERS)]] = {}
    """Detectors of your own: regular expressions (RE2), by the name that `detect` knows them by."""
    identifiers: Literal["keep"] | Identifiers = "keep"
    """Pseudonyms in place of identifiers, by type; keep: as they are."""
    inventory: InventorySection | None = None
    """What callers send, for `cio-sidecar policy inventory`; null: nothing is written down."""
    vendor_limits: Annotated[Mode, FROM_LIST] = Mode.REPORT
    """What becomes of calls over Customer.io's own limits: report counts them, enforce keeps them from leaving."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        first: dict[str, int] = {}
        for index, rule in enumerate(self.rules):
            if (earlier := first.setdefault(rule.name, index)) != index:
                same = naming("two rules have the same name", rule.name)
                raise ValueError(f"{same} (rules.{earlier} and rules.{index})")
        if self.hash is None and any(rule.action is Action.HASH for rule in self.rules):
            raise ValueError("a rule hashes, so hash must say how")
        if self.identifiers != "keep" and (self.hash is None or self.hash.algorithm != "hmac-sha256"):
            raise ValueError("identifiers are replaced by keyed hashes, so hash must be hmac-sha256")
        return self
