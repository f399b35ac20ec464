"""Applies a compiled policy to the body of one call.

Most objects of most calls have no key that a rule names. For those the whole check is one set comparison: keys that were found
to match nothing are remembered, and only an object with another key is looked at key by key. The value is changed in place
where nothing was replaced above it; it is ours, decoded for this call.

A rule that changes values passes over what the endpoint table calls an identifier or routing position (`model.Endpoint`), if it
holds a scalar or an array of scalars; an object there is no identifier, and is looked into. Rules that only look (deny, report)
look there as well.
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

# Members of an enumeration take a look-up each, a name of the module a third of one.
_HASH: Final = Action.HASH
_MASK: Final = Action.MASK
_DENY: Final = Action.DENY


class EndpointPolicy:
    """The rules that hold for one endpoint, ready to be applied.

    `renames` says whether a target may change, `looks` whether rules look at what it names.
    """

    __slots__ = ("_detecting", "_hashed", "_matcher", "_positions", "_rules", "_thorough", "looks", "renames")

    def __init__(self, rules: Ruleset) -> None:
        """Apply `rules`."""
        self._rules = rules
        self._matcher: Matcher = rules.matcher
        self._positions: Position = rules.positions
        self._hashed = rules.hasher.hashed
        self._detecting = rules.detecting
        self._thorough = rules.thorough
        self.renames = rules.identity is not None
        self.looks = rules.detecting is not None and rules.detecting.looks

    def named(self, match: Match | None, value: object, budget: Budget = UNMETERED) -> Named | None:
        """Return who is named in a call whose body is `value`; None where no identifiers are replaced.

        Raises:
            DeniedError: at an identifier position stands what could hide an identifier.
            RefusedError: `too_complex`.
        """
        identity = self._rules.identity
        return None if identity is None else identity.named(match, value, budget)

    def apply(
        self, value: object, *, text: bytes = b"", named: Named | None = None, budget: Budget = UNMETERED
    ) -> tuple[object, list[Hit]]:
        """Return what may leave of `value`, which is used up, and what acted on it; `budget` pays for it.

        `text` is the JSON text that holds `value`, where it is at hand: it tells at once what need not be looked for.
        `named` is who the call names, as `named` tells; without it, who the body names.

        Raises:
            DeniedError: a rule does not let the request leave.
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
        """Return what may leave of `value`, and what acted on it where; raises what `apply` does."""
        walk = Walk(self._rules, budget, named or self.named(None, value, budget), placed=True)
        return walk.body(value), walk.acts

    def target(self, match: Match, named: Named | None) -> tuple[bytes, list[Hit]]:
        """Return the target that is sent of a call that names `named`, and what acted on it."""
        if named is None:
            return match.target, []
        target = named.target(match)
        if target == match.target:
            return target, []
        hit = named.identity.hit
        return target if hit.enforced else match.target, [hit]

    def looked_at(self, match: Match, named: Named | None, budget: Budget = UNMETERED) -> list[Hit]:
        """Return which detect rules in report mode find something in what a target names, as they would in a body.

        Raises:
            DeniedError: a rule does not let the request leave.
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
        """Say whether `text` may leave in a header, as it is or not at all; `hits` is added to by what acts on it.

        Raises:
            DeniedError: a rule does not let the request leave.
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
        """Return what may leave of a container."""
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
        """Return an object with its keys in their order, those that rules name treated as they say."""
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
