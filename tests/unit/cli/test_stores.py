"""Every provider of secrets."""

from pathlib import Path
from typing import Any

from proxy.cli.stores import providers
from proxy.config.model import Config
from proxy.credentials.model import WHOLE, Kind
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive


def config(**sections: Any) -> Config:  # noqa: ANN401 - a configuration is free-form here
    """Return a configuration with these sections."""
    return Config.model_validate({"version": 1, "policy": PolicyDocument(version=1), **sections})


def test_what_is_on_this_machine_can_always_be_read(tmp_path: Path) -> None:
    """The environment that is passed in, and files; no other store is there unless a reference asks for it."""
    (tmp_path / "key").write_text("from a file")
    known = providers(config(), {"KEY": "from the environment"})
    assert set(known) == {Kind.ENV, Kind.FILE}
    assert known[Kind.ENV].read("KEY").secret(WHOLE) == Sensitive("from the environment")
    assert known[Kind.FILE].read(str(tmp_path / "key")).secret(WHOLE) == Sensitive("from a file")
