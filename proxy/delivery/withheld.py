"""A batch that items were taken out of, and its answer as its caller is to read it.

Customer.io names the items of the batch it was sent; the caller counts in its own. Every error comes back at the caller's
index, and once, among them those of the items that were taken out: what Customer.io would have said of them itself (Track API
reference, `POST /api/v2/batch`: 200, 207 where an item was not taken, 400 where the batch was not).
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
    """What was taken out of a batch. `kept` are the caller's indexes of what was sent, in order; `errors` tell of the others.

    Each error has its `batch_index`. They hold nothing of the items.
    """

    __slots__ = ("errors", "kept")

    def __init__(self, kept: Sequence[int], errors: Sequence[Error]) -> None:
        """Hold both."""
        self.kept = kept
        self.errors = errors

    def answer(self, status: int, body: bytes) -> tuple[int, bytes] | None:
        """Return the answer to the whole batch, given that to what was sent; None where it cannot be understood.

        `status` is one of success, or 400. A success that names no errors has nothing to say but that: whatever its body is,
        the rest was taken. A 207 says that not all of it was, so it has to be readable.
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
            return status, body  # about the batch as a whole
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
        except orjson.JSONEncodeError:  # nested more deeply than can be written
            return None

    def __repr__(self) -> str:
        """Show how many."""
        return f"Withheld({len(self.errors)} of {len(self.errors) + len(self.kept)})"


def _order(error: object) -> tuple[bool, int]:
    """Sort by the caller's index; what names no item comes last."""
    index = error.get(_INDEX) if isinstance(error, dict) else None
    return (False, index) if isinstance(index, int) else (True, 0)
