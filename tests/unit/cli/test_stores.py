"""Every provider of secrets."""

from pathlib import Path

from proxy.cli.stores import providers
from proxy.credentials.model import Kind, Reference
from proxy.sensitive import Sensitive


def test_each_kind_is_read_by_its_own_provider(tmp_path: Path) -> None:
    """The environment that is passed in, and files."""
    (tmp_path / "key").write_text("from a file")
    known = providers({"KEY": "from the environment"})
    assert known[Kind.ENV].read(Reference(Kind.ENV, "KEY")) == Sensitive("from the environment")
    assert known[Kind.FILE].read(Reference(Kind.FILE, str(tmp_path / "key"))) == Sensitive("from a file")
