"""Which of Customer.io's own limits a call is over (`api.vendor_limits`): asked of every call, about what leaves.

Nearly every call is small, and what is small as a whole is over nothing: the checks stand in the order of their floors, and the
first that the call does not reach ends the search. In a batch without a long string only large items are looked at.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from proxy.api.endpoints import ENDPOINTS
from proxy.api.vendor_limits import EACH, ID_BYTES, VENDOR_LIMITS, Bound, CallLimits, Limit, Measure
from proxy.payload.encode import encode
from proxy.payload.measure import Check, Ids, Names, checks

# Everything but the quotes that strings begin and end with, to find long stretches without one.
_STRETCHES: Final = bytes.maketrans(bytes(set(range(256)) - set(b'"')), b"-" * 255)
_LONG_STRETCH: Final = b"-" * (ID_BYTES + 1)
_ID_BYTES: Final = ID_BYTES


class Excess:
    """A limit that a call, or the item of a batch at `index`, is over. It holds nothing of the call."""

    __slots__ = ("bound", "index")

    def __init__(self, bound: Bound, index: int | None = None) -> None:
        """Name the limit and where."""
        self.bound = bound
        self.index = index

    def told(self) -> dict[str, object]:
        """Return the error that Customer.io's answer to a batch tells of an item (Track API reference, 207 of a batch)."""
        bound = self.bound
        unit = "members" if bound.measure is Measure.COUNT else "bytes"
        what = bound.limit.value.replace("_", " ").removesuffix(" bytes")
        return {
            "batch_index": self.index,
            "reason": "too_large",
            "field": bound.place.replace(EACH, ""),
            "message": f"over Customer.io's limit for {what}: at most {bound.at_most} {unit}",
        }


NOTHING: Final[tuple[Excess, ...]] = ()


def _strings_are_short(body: bytes) -> bool:
    """Say whether surely no string or number in encoded JSON is longer than an identifier or a name may be.

    Between two quotes there is a string or what is between two of them, unless a quote is escaped.
    """
    return body.find(b"\\") < 0 and body.translate(_STRETCHES).find(_LONG_STRETCH) < 0


class Limits:
    """What is looked for in the calls of one endpoint.

    `itemised` says that items can be taken out of a batch and the rest sent; `names` are the limits that may be found.
    """

    __slots__ = (
        "_call",
        "_identifier",
        "_item",
        "_item_bytes",
        "_items",
        "_operations",
        "_place",
        "_plain_bytes",
        "_target_bytes",
        "itemised",
        "names",
    )

    def __init__(self, row: CallLimits, path: str) -> None:
        """Look for what `row` names; `path` is the template of the endpoint's target."""
        every = [bound for actions in row.operations.values() for bounds in actions.values() for bound in bounds]
        self._identifier = Bound(Limit.ID_BYTES, ID_BYTES, Measure.ID, "path")
        self._place = path.split("/").index(f"{{{row.identifier}}}") if row.identifier else 0
        self._target_bytes = ID_BYTES if row.identifier else sys.maxsize  # no shorter target holds too long an identifier
        self._call = checks(row.call)
        self._items = row.items
        self._item = checks(row.item if row.items else row.call)
        self._operations: dict[str, dict[str, list[Check]]] = {
            kind: {action: checks((*bounds, *(row.item if row.items else row.call))) for action, bounds in actions.items()}
            for kind, actions in row.operations.items()
        }
        # No smaller item is over anything; nor is one that is not larger than the second, if no string in it is long.
        items = [
            *self._item,
            *(check for actions in self._operations.values() for several in actions.values() for check in several),
        ]
        self._item_bytes = min([check.floor for check in items], default=0)
        self._plain_bytes = min([check.floor for check in items if not isinstance(check, (Names, Ids))], default=0)
        self.itemised = row.itemised
        self.names = sorted(
            {bound.limit for bound in (*row.call, *row.item, *every)} | ({Limit.ID_BYTES} if self._place else set())
        )

    def excesses(self, value: object, body: bytes, target: bytes) -> Sequence[Excess]:
        """Return what a call is over: `value`, encoded as `body`, to `target`. Of a call or item, the first that is found."""
        if len(target) > self._target_bytes and self._named_too_long(target):
            return (Excess(self._identifier),)
        if self._items:
            return self._of_batch(value, body)
        size_bytes = len(body)
        for check in self._operation(value) if self._operations else self._call:
            if size_bytes <= check.floor:
                return NOTHING
            if check.over(value):
                return (Excess(check.bound),)
        return NOTHING

    def items(self, value: object) -> list[object]:
        """Return the items of a batch."""
        found: object = value.get(self._items) if isinstance(value, dict) else None
        return found if isinstance(found, list) else []

    def without(self, value: object, indexes: Iterable[int]) -> list[int]:
        """Take the items at `indexes` out of a batch; return the indexes of those that stay."""
        items, out = self.items(value), set(indexes)
        kept = [index for index in range(len(items)) if index not in out]
        if isinstance(value, dict):
            value[self._items] = [items[index] for index in kept]
        return kept

    def too_large(self, size_bytes: int) -> bool:
        """Say whether a batch of `size_bytes` is over a limit as a whole."""
        return bool(self._call) and size_bytes > self._call[0].floor

    def _of_batch(self, value: object, body: bytes) -> Sequence[Excess]:
        size_bytes = len(body)
        if size_bytes <= self._item_bytes:
            return NOTHING
        found: list[Excess] = []
        plain_bytes = self._plain_bytes if _strings_are_short(body) else self._item_bytes
        for index, item in enumerate(self.items(value)):
            size = len(encode(item))
            if size <= plain_bytes:
                continue
            for check in self._operation(item):
                if size <= check.floor:
                    break
                if check.over(item):
                    found.append(Excess(check.bound, index))
                    break
        if self.too_large(size_bytes):
            found.append(Excess(self._call[0].bound))
        return found

    def _operation(self, value: object) -> list[Check]:
        """Return the checks of an operation, by what it is."""
        if isinstance(value, dict):
            kind, action = value.get("type"), value.get("action")
            if isinstance(kind, str) and isinstance(action, str):
                actions = self._operations.get(kind)
                if actions is not None:
                    return actions.get(action) or actions[""]
        return self._item

    def _named_too_long(self, target: bytes) -> bool:
        """Say whether the person named in a target has too long an id."""
        name = unquote_to_bytes(target.partition(b"?")[0].split(b"/")[self._place])
        return len(name) > _ID_BYTES and b"@" not in name


LIMITS: Final[dict[str, Limits]] = {
    endpoint.name: Limits(VENDOR_LIMITS[endpoint.name], endpoint.path)
    for endpoint in ENDPOINTS
    if endpoint.name in VENDOR_LIMITS
}
