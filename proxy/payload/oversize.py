"""Finds the size limits of Customer.io (`api.vendor_limits`) that a call exceeds. Every call is checked as it will be sent.

Nearly all calls are small, and a small call exceeds no limit. So the checks are sorted by their floors, and the search ends at
the first floor that is not below the size of the call. In a batch without a long string, only large items are checked.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from proxy.api.endpoints import ENDPOINTS
from proxy.api.vendor_limits import EACH, ID_BYTES, VENDOR_LIMITS, Bound, CallLimits, Limit, Measure
from proxy.payload.encode import encode
from proxy.payload.measure import Check, Ids, Names, checks

# Maps every byte except the quote to one byte, to find long stretches without a quote.
_STRETCHES: Final = bytes.maketrans(bytes(set(range(256)) - set(b'"')), b"-" * 255)
_LONG_STRETCH: Final = b"-" * (ID_BYTES + 1)
_ID_BYTES: Final = ID_BYTES


class Excess:
    """A size limit that a call, or the item of a batch at `index`, exceeds. It holds nothing of the call."""

    __slots__ = ("bound", "index")

    def __init__(self, bound: Bound, index: int | None = None) -> None:
        """Store the limit and the index of the item; None: the call as a whole."""
        self.bound = bound
        self.index = index

    def told(self) -> dict[str, object]:
        """Return the error for an item in the form of Customer.io's 207 answer to a batch (Track API reference, v2 batch)."""
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
    """Return True only if no string or number in encoded JSON is longer than an identifier or a name may be.

    Without escapes, the text between two quotes is a string, or the text between two strings.
    """
    return body.find(b"\\") < 0 and body.translate(_STRETCHES).find(_LONG_STRETCH) < 0


class Limits:
    """The size limits of one endpoint.

    `itemised`: single items can be dropped from a batch, and the rest is sent. `names`: the limits that the endpoint has.
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
        """Build the checks of `row`; `path` is the template of the endpoint's target."""
        every = [bound for actions in row.operations.values() for bounds in actions.values() for bound in bounds]
        self._identifier = Bound(Limit.ID_BYTES, ID_BYTES, Measure.ID, "path")
        self._place = path.split("/").index(f"{{{row.identifier}}}") if row.identifier else 0
        self._target_bytes = (
            ID_BYTES if row.identifier else sys.maxsize
        )  # a shorter target cannot hold an identifier that is too long
        self._call = checks(row.call)
        self._items = row.items
        self._item = checks(row.item if row.items else row.call)
        self._operations: dict[str, dict[str, list[Check]]] = {
            kind: {action: checks((*bounds, *(row.item if row.items else row.call))) for action, bounds in actions.items()}
            for kind, actions in row.operations.items()
        }
        # An item up to `_item_bytes` exceeds no limit, nor does one up to `_plain_bytes` if it has no long string.
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
        """Return the limits that a call exceeds: `value`, encoded as `body`, to `target`. At most one per call or item."""
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
        """Return the items of a batch, or an empty list if `value` has none."""
        found: object = value.get(self._items) if isinstance(value, dict) else None
        return found if isinstance(found, list) else []

    def without(self, value: object, indexes: Iterable[int]) -> list[int]:
        """Drop the items at `indexes` from a batch; return the former indexes of the other items."""
        items, out = self.items(value), set(indexes)
        kept = [index for index in range(len(items)) if index not in out]
        if isinstance(value, dict):
            value[self._items] = [items[index] for index in kept]
        return kept

    def too_large(self, size_bytes: int) -> bool:
        """Return whether a batch of `size_bytes` exceeds the limit of the whole batch."""
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
        """Return the checks of an operation, by its `type` and `action`."""
        if isinstance(value, dict):
            kind, action = value.get("type"), value.get("action")
            if isinstance(kind, str) and isinstance(action, str):
                actions = self._operations.get(kind)
                if actions is not None:
                    return actions.get(action) or actions[""]
        return self._item

    def _named_too_long(self, target: bytes) -> bool:
        """Return whether the identifier of a person in a target is too long."""
        name = unquote_to_bytes(target.partition(b"?")[0].split(b"/")[self._place])
        return len(name) > _ID_BYTES and b"@" not in name


LIMITS: Final[dict[str, Limits]] = {
    endpoint.name: Limits(VENDOR_LIMITS[endpoint.name], endpoint.path)
    for endpoint in ENDPOINTS
    if endpoint.name in VENDOR_LIMITS
}
