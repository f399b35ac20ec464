"""The policy as it is written: rules over field names, in order, and how values are hashed (design 5).

What has no machinery yet is part of the shape and refused by name, so that no rule is ever silently without effect.
"""

import unicodedata
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from proxy.config.values import FROM_LIST, Name, SecretReference, Section

RULES_MAX = 500
FIELDS_MAX = 1000
FIELD_MAX_CHARACTERS = 150  # Customer.io's own limit for an attribute name (Track API reference)
NOT_AVAILABLE = "is not available yet"
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


def normal_form(name: str) -> str:
    """Return the form in which field names are compared: NFKC, case-folded, letters and digits only.

    `creditCard`, `Credit-Card` and `CREDIT_CARD` share one; full-width letters and zero-width characters hide nothing.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(filter(str.isalnum, folded))


class HashSection(Section):
    """How values are hashed."""

    algorithm: Literal["sha256", "hmac-sha256"]
    key: SecretReference | None = None
    """The secret of hmac-sha256. Without it anyone could recompute the hash of a phone number."""
    key_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")] | None = None
    """Stands before each hash, so that the key can be replaced one day."""
    hex_length: Annotated[int, Field(ge=8, le=64)] = 32

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if self.algorithm == "hmac-sha256":
            if self.key is None or self.key_id is None:
                raise ValueError("hmac-sha256 needs key and key_id")
        elif self.key is not None or self.key_id is not None:
            raise ValueError("sha256 takes neither key nor key_id; use hmac-sha256")
        return self


class RuleSection(Section):
    """One rule. The first rule that matches a field decides on it."""

    name: Name
    fields: Annotated[tuple[str, ...], FROM_LIST, Field(min_length=1, max_length=FIELDS_MAX)]
    """Field names; compared in normal form, at any depth."""
    action: Annotated[Action, FROM_LIST]
    mode: Annotated[Mode, FROM_LIST] | None = None
    """null: the policy's own."""
    endpoints: Annotated[tuple[str, ...], FROM_LIST, Field(min_length=1, max_length=200)] = ("*",)
    """Globs over endpoint names, such as `track.*`."""
    reason: Annotated[str, Field(max_length=500)] | None = None
    """Why the rule is there; for people."""
    force: bool = False
    """Touch a field that a message is sent by."""
    paths: Any = None
    detect: Any = None
    callers: Any = None

    @field_validator("fields")
    @classmethod
    def _named(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        for field in fields:
            if len(field) > FIELD_MAX_CHARACTERS or not normal_form(field):
                raise ValueError(f"each must hold a letter or digit and at most {FIELD_MAX_CHARACTERS} characters")
        return fields

    @field_validator("paths", "detect", "callers")
    @classmethod
    def _absent(cls, value: object) -> None:
        if value is not None:
            raise ValueError(NOT_AVAILABLE)


class PolicyDocument(Section):
    """A policy file."""

    version: Literal[1]
    mode: Annotated[Mode, FROM_LIST] = Mode.ENFORCE
    hash: HashSection | None = None
    rules: Annotated[tuple[RuleSection, ...], FROM_LIST, Field(max_length=RULES_MAX)] = ()
    allow: Any = None
    """Minimisation: what is named here stays, everything else is stripped."""
    identifiers: Any = "keep"
    """Pseudonyms in place of identifiers."""

    @field_validator("allow")
    @classmethod
    def _no_minimisation(cls, value: object) -> None:
        if value is not None:
            raise ValueError(NOT_AVAILABLE)

    @field_validator("identifiers")
    @classmethod
    def _identifiers_kept(cls, value: object) -> str:
        if value != "keep":
            raise ValueError(f"anything but keep {NOT_AVAILABLE}")
        return "keep"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = [rule.name for rule in self.rules]
        if len(set(names)) != len(names):
            raise ValueError("two rules have the same name")
        if self.hash is None and any(rule.action is Action.HASH for rule in self.rules):
            raise ValueError("a rule hashes, so hash must say how")
        return self
