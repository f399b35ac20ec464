"""Test cases for a policy: each is a call and its expected result.

```yaml
policy: default.yaml                # relative to this file; without it, the policy of --config
cases:
  - name: phone is hashed
    endpoint: PUT /api/v1/customers/5
    caller: billing                 # optional
    body: {phone: "+1-555-0123", plan: pro}
    expect: {body: {phone_hash: 100978d4e704e8c8, plan: pro}}
    rules: [contact]                # the rules that act, in any order; left out, they are not compared
  - {name: no cards, endpoint: POST /v1/track, body: {card: "4111"}, expect: {refused: policy_denied}}
```
"""

from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from proxy.config.values import FROM_LIST, LocalPath, Name, Section

CASES_MAX = 5000


class Expected(Section):
    """The expected result of a call: the body that is sent, or the error code of the refusal."""

    body: Any = None
    refused: Annotated[str, Field(max_length=100)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if ("body" in self.model_fields_set) is ("refused" in self.model_fields_set):
            raise ValueError("takes either body or refused")
        return self


class Case(Section):
    """One call, as an application makes it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    endpoint: Annotated[str, Field(pattern=r"^[A-Z]+ /\S*$", max_length=8000)]
    """Method and path, such as `PUT /api/v1/customers/5`."""
    caller: Name | None = None
    """The name of the caller; null: a caller that no rule names."""
    body: Any = None
    expect: Expected
    rules: Annotated[tuple[str, ...], FROM_LIST] | None = None
    """The rules that act, in any order; null: not compared."""


class CaseFile(Section):
    """A file of cases."""

    PAGE: ClassVar[str] = "docs/policy.md"
    policy: LocalPath | None = None
    """The policy under test; null: the policy of the configuration."""
    cases: Annotated[tuple[Case, ...], FROM_LIST, Field(min_length=1, max_length=CASES_MAX)]
