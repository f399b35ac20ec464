"""Applies a compiled policy to the body of one call.

In most calls, no rule matches any key. The check of an object is then one set comparison: keys that match no rule are
remembered, and only an object with another key is checked key by key. The body was decoded for this call, so it is changed in
place.

Rules that change values skip the identifier and routing positions of the endpoint table (`model.Endpoint`) where the value is a
scalar or an array of scalars. An object at such a position is no identifier, so rules apply inside it. Observe-only rules
(report, deny) apply at these positions as well.
"""

from typing import Any, Final

from proxy.api.match import Match
from proxy.payload.budget import UNMETERED, Budget
from proxy.policy.actions import MASK
from proxy.policy.deciding import Act, Ruleset
from proxy.policy.fields import DeniedError, Hit, Matcher
from proxy.policy.model import Action
from proxy.policy.names import key_units
from proxy.policy.people import Named
from proxy.policy.positions import Position
from proxy.policy.texts import may_be_structured
from proxy.policy.walk import CONTAINER_UNITS, ELEMENT_UNITS, MEMBER_UNITS, Walk

# Reading a member of an enumeration takes three times as long as reading a name of the module.
_HASH: Final = Action.HASH
_MASK: Final = Action.MASK
_DENY: Final = Action.DENY


class EndpointPolicy:
    """The compiled rules for one endpoint.

    `renames` says whether the target of a call may change. `looks` says whether observe-only rules apply to the values in a
    target.
    """

    __slots__ = ("_detecting", "_hashed", "_matcher", "_positions", "_rules", "_thorough", "looks", "renames")

    def __init__(self, rules: Ruleset) -> None:
        """Prepare to apply `rules` to the calls of their endpoint."""
        self._rules = rules
        self._matcher: Matcher = rules.matcher
        self._positions: Position = rules.positions
        self._hashed = rules.hasher.hashed
        self._detecting = rules.detecting
        self._thorough = rules.thorough
        self.renames = rules.identity is not None
        self.looks = rules.detecting is not None and rules.detecting.looks

    def named(self, match: Match | None, value: object, budget: Budget = UNMETERED) -> Named | None:
        """Return the people that a call with the body `value` names, or None if the policy replaces no identifiers.

        Raises:
            DeniedError: the value at an identifier position could hide an identifier.
            RefusedError: `too_complex`.
        """
        identity = self._rules.identity
        return None if identity is None else identity.named(match, value, budget)

    def apply(
        self, value: object, *, text: bytes = b"", named: Named | None = None, budget: Budget = UNMETERED
    ) -> tuple[object, list[Hit]]:
        """Return the body to send and the rules that acted. Do not use `value` afterwards: it may have been changed in place.

        `text` is the JSON text of `value`, if the caller of this function has it: one look at it can show that whole checks
        are not needed. `named` is the result of the method `named`; without it, only the body is searched for people. `budget`
        pays for the work.

        Raises:
            DeniedError: a rule refuses the request.
            RefusedError: see `Walk.body`.
        """
        structured = not text or may_be_structured(text)
        detecting = self._detecting
        marks = None if detecting is None else "" if structured else detecting.marks(text)
        if structured or marks is not None or self._thorough:
            walk = Walk(self._rules, budget, named or self.named(None, value, budget), marks, structured=structured)
            return walk.body(value), [hit for hit, _ in walk.acts]
        hits: list[Hit] = []
        return (self._inside(value, self._positions, hits, budget) if isinstance(value, (dict, list)) else value), hits

    def explain(self, value: object, named: Named | None = None, *, budget: Budget = UNMETERED) -> tuple[object, list[Act]]:
        """Return the body to send, and each rule that acted with the path where it acted; errors are those of `apply`."""
        walk = Walk(self._rules, budget, named or self.named(None, value, budget), placed=True)
        return walk.body(value), walk.acts

    def target(self, match: Match, named: Named | None) -> tuple[bytes, list[Hit]]:
        """Return the target to send, with pseudonyms for the people in `named`, and the rules that acted on it."""
        if named is None:
            return match.target, []
        target = named.target(match)
        if target == match.target:
            return target, []
        hit = named.identity.hit
        return target if hit.enforced else match.target, [hit]

    def looked_at(self, match: Match, named: Named | None, budget: Budget = UNMETERED) -> list[Hit]:
        """Return the observe-only detect rules that find something in the path and query parameters of a call.

        Raises:
            DeniedError: a rule refuses the request.
            RefusedError: `too_complex`.
        """
        hits: list[Hit] = []
        detecting = self._detecting
        if detecting is None:
            return hits
        left = [*match.path_ids.values(), *match.query.values()]
        if named is not None and named.identity.hit.enforced:
            left = named.left(match)
        for value in left:
            for hit in detecting.find(value, budget, exempt=True).looked:
                hits.append(hit)
                if hit.enforced:
                    raise DeniedError(hits)
        return hits

    def header(self, text: str, hits: list[Hit]) -> bool:
        """Return whether the header value `text` may be sent, and add the rules that acted on it to `hits`.

        A header is sent unchanged or dropped: a rule that would change a part of the value drops the header.

        Raises:
            DeniedError: a rule refuses the request.
        """
        detecting = self._detecting
        if detecting is None:
            return True
        found = detecting.find(text, UNMETERED, exempt=False)
        hits += found.looked
        if any(hit.enforced for hit in found.looked):
            raise DeniedError(hits)
        hits += dict.fromkeys(choice.hit for _, choice in found.changes)
        return not found.changes

    def _inside(self, value: Any, position: Position, hits: list[Hit], budget: Budget) -> object:  # noqa: ANN401  # a container
        """Return the object or array to send."""
        if isinstance(value, list):
            budget.spend(CONTAINER_UNITS + ELEMENT_UNITS * len(value))
            elements = position.elements
            for index, child in enumerate(value):
                if isinstance(child, (dict, list)):
                    value[index] = self._inside(child, elements, hits, budget)
            return value
        budget.spend(CONTAINER_UNITS + MEMBER_UNITS * len(value))
        if not self._matcher.plain.issuperset(value):
            return self._treated(value, position, hits, budget)
        for key, child in value.items():
            if isinstance(child, (dict, list)):
                value[key] = self._inside(child, position.below(key), hits, budget)
        return value

    def _treated(self, value: dict[str, object], position: Position, hits: list[Hit], budget: Budget) -> dict[str, object]:
        """Return an object with the actions of the matching rules applied; the keys keep their order."""
        matcher = self._matcher
        plain, known = matcher.plain, matcher.known
        kept: dict[str, object] = {}
        hashes: dict[str, object] = {}
        for key, child in value.items():
            if key not in plain:
                field = known.get(key)
                if field is None:
                    budget.spend(key_units(key))
                    field = matcher.field(key)
                if field is not None and (hit := field.hit_at(position, key, child)) is not None:
                    hits.append(hit)
                    if hit.enforced:
                        action = hit.action
                        if action is _HASH:
                            hashed = self._hashed(child, field.canonical, budget)
                            hashes[field.hash_key] = kept[field.hash_key] = hashed
                        elif action is _MASK:
                            kept[key] = MASK
                        elif action is _DENY:
                            raise DeniedError(hits)
                        continue
            inside = isinstance(child, (dict, list))
            kept[key] = self._inside(child, position.below(key), hits, budget) if inside else child
        # A hash that the caller sent under the same name must not stand in for the one made here.
        kept.update(hashes)
        return kept
