"""Rewrites the answer to a batch from which items were removed.

Customer.io's answer has the indexes of the reduced batch; the caller needs the indexes of its own batch. So every error is
returned once, with the caller's index. This includes an error for each removed item, as Customer.io itself would have answered
(Track API reference, `POST /api/v2/batch`: 200; 207 if an item was refused; 400 if the batch was refused).
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

import orjson

Error = dict[str, object]

_FIRST_ERROR: Final = 400
_INDEX: Final = "batch_index"
_ERRORS: Final = "errors"
_MULTI_STATUS: Final = HTTPStatus.MULTI_STATUS.value


class Withheld:
    """The items that were removed from a batch.

    `kept` lists the caller's indexes of the items that were sent, in order. `errors` has one error for each removed item, with
    its `batch_index`. The errors contain no value of an item.
    """

    __slots__ = ("errors", "kept")

    def __init__(self, kept: Sequence[int], errors: Sequence[Error]) -> None:
        """Keep `kept` and `errors` without a copy."""
        self.kept = kept
        self.errors = errors

    def answer(self, status: int, body: bytes) -> tuple[int, bytes] | None:
        """Return the status and body for the caller's batch, given those for the reduced batch; None if they are unreadable.

        `status` is 2xx or 400. A success without a list of errors means that all sent items were accepted, so its body does
        not matter. A 207 means that some items were refused, so its body must be readable.
        """
        try:
            document: object = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = None
        named = document.get(_ERRORS) if isinstance(document, dict) else None
        if not isinstance(named, list):
            if status == _MULTI_STATUS:
                return None
            named = []
        refused = status >= _FIRST_ERROR
        if refused and not any(isinstance(error, dict) and _INDEX in error for error in named):
            return status, body  # the error is about the batch as a whole
        told: list[object] = list(self.errors)
        for error in named:
            if isinstance(error, dict) and _INDEX in error:
                index = error[_INDEX]
                if type(index) is not int or not 0 <= index < len(self.kept):
                    return None
                error[_INDEX] = self.kept[index]
            told.append(error)
        told.sort(key=_order)
        whole: dict[str, object] = document if isinstance(document, dict) else {}
        whole[_ERRORS] = told
        try:
            return (status if refused else _MULTI_STATUS), orjson.dumps(whole)
        except orjson.JSONEncodeError:  # nested too deeply for orjson
            return None

    def __repr__(self) -> str:
        """Show how many items were removed, and of how many."""
        return f"Withheld({len(self.errors)} of {len(self.errors) + len(self.kept)})"


def _order(error: object) -> tuple[bool, int]:
    """Return the sort key of an error: the caller's index; errors without an index come last."""
    index = error.get(_INDEX) if isinstance(error, dict) else None
    return (False, index) if isinstance(index, int) else (True, 0)
