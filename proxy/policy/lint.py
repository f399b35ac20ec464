"""Warnings about a valid policy: settings that are probably mistakes. Certain mistakes are errors (`compile`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from proxy.api.endpoints import ENDPOINTS
from proxy.policy.model import UNKEYED, Action, Mode, PolicyDocument, RuleSection
from proxy.policy.names import normal_form

# With more detectors or patterns, large bodies come near their budget (`payload.budget`). The figures are about twice those of
# the reference policy in `bench/`. Rules that report, deny and change values scan a text separately.
DETECTORS_MANY = 20
PATTERNS_MANY = 5


@dataclass(frozen=True, slots=True)
class Warned:
    """One warning: the key path in the policy, and the reason."""

    path: str
    text: str


def warnings(document: PolicyDocument) -> Iterator[Warned]:
    """Yield the warnings about `document`."""
    section = document.hash
    if section is not None and section.key is None and any(rule.action is Action.HASH for rule in document.rules):
        yield Warned("policy.hash", UNKEYED)
    if document.mode is not Mode.ENFORCE:
        yield Warned("policy.mode", f"is {document.mode}: rules without a mode of their own change nothing")
    if document.vendor_limits is Mode.OFF:
        yield Warned("policy.vendor_limits", "is off: calls over Customer.io's own limits are not counted")
    sought = {detector for rule in document.rules for detector in rule.detect}
    if len(sought) > DETECTORS_MANY or len(sought & document.patterns.keys()) > PATTERNS_MANY:
        yield Warned(
            "policy.rules",
            f"use {len(sought)} detectors on every value; a large body may be refused as too_complex (docs/policy.md)",
        )
    for index, rule in enumerate(document.rules):
        path = f"policy.rules.{index}"
        if rule.action is Action.DENY and (shared := _minimised(document, rule)):
            yield Warned(path, f"denies before allow strips: a call with a matching field is refused, for example at {shared}")
        if rule.mode is not None and rule.mode is not Mode.ENFORCE:
            yield Warned(f"{path}.mode", f"is {rule.mode}: the matching values are still sent")
        if rule.reason is None:
            yield Warned(path, "gives no reason; later readers of the policy will need one")
        spelled: dict[str, str] = {}
        for position, field in enumerate(rule.fields):
            if normal_form(field) in spelled:
                yield Warned(f"{path}.fields.{position}", "is the same name as an earlier one of this rule")
            spelled[normal_form(field)] = field


def _minimised(document: PolicyDocument, rule: RuleSection) -> str:
    """Return the name of the first endpoint that both the rule and `allow` cover, or ""."""
    globs = () if document.allow is None else tuple(document.allow)
    for endpoint in ENDPOINTS:
        if all(any(fnmatchcase(endpoint.name, glob) for glob in each) for each in (globs, rule.endpoints)):
            return endpoint.name
    return ""
