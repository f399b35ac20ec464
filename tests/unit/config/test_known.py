"""The file of known fields."""

from pathlib import Path

import pytest

from proxy.config import known
from proxy.config.known import known_fields
from proxy.errors import ConfigError


def test_what_an_inventory_shows_is_known(tmp_path: Path) -> None:
    """Endpoint and path count; whatever else is said of a field may change."""
    file = tmp_path / "fields.json"
    file.write_text('{"since": "x", "fields": [{"endpoint": "a", "path": "b.c", "count": 3}, {"endpoint": "a", "path": "d"}]}')
    assert known_fields(file) == {("a", "b.c"), ("a", "d")}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fields": [{"endpoint": "CANARY"}]}', '{"fields": "CANARY"}'])
def test_what_is_no_inventory_is_told(tmp_path: Path, text: str) -> None:
    """With the command that writes one, and nothing of what it holds."""
    file = tmp_path / "fields.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match="policy inventory --json") as raised:
        known_fields(file)
    assert raised.value.path == "policy.inventory.known"
    assert "CANARY" not in str(raised.value)


def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, and one that is longer than an inventory can be."""
    with pytest.raises(ConfigError, match="there is no such file"):
        known_fields(tmp_path / "missing.json")
    monkeypatch.setattr(known, "KNOWN_MAX_BYTES", 10)
    (tmp_path / "long.json").write_text(" " * 11)
    with pytest.raises(ConfigError, match="is longer than 10 bytes"):
        known_fields(tmp_path / "long.json")
