"""The shorthand in which rows are written."""

import pytest

from proxy.api.model import Identifier, Replay
from proxy.api.rows import NOBODY, app, below, kinds, path_kinds


def test_what_nobody_names_is_opaque() -> None:
    """A parameter names a person only if its row says so."""
    assert kinds(["start", "email"], {"email": Identifier.EMAIL, "other": Identifier.ID}) == {
        "start": Identifier.OPAQUE,
        "email": Identifier.EMAIL,
    }


def test_every_parameter_of_a_path_is_found_in_order() -> None:
    """The order is that of the path: a target is rebuilt by it."""
    assert list(path_kinds("/a/{one}/b/{two}", NOBODY)) == ["one", "two"]


def test_positions_below_a_parent() -> None:
    """A parent may be an array."""
    assert below("items[]", {"id": Identifier.ID}) == {"items[].id": Identifier.ID}


@pytest.mark.parametrize(
    ("method", "replay"), [("GET", Replay.SAFE), ("PUT", Replay.SAFE), ("DELETE", Replay.SAFE), ("POST", Replay.NEVER)]
)
def test_a_row_is_safe_to_repeat_unless_it_is_a_post(method: str, replay: Replay) -> None:
    """RFC 9110 section 9.2.2: GET, PUT and DELETE are idempotent."""
    assert app("x", method, "/x").replay is replay


def test_rows_cannot_be_changed() -> None:
    """The table is shared by every request, so nothing of a row can be assigned to."""
    row = app("x", "GET", "/x/{id}", "start", identifiers={"id": Identifier.ID})
    for mapping in (row.path_ids, row.query, row.identifiers):
        with pytest.raises(TypeError):
            mapping["id"] = Identifier.EMAIL  # type: ignore[index]  # that is the point
