"""Every provider of secrets."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proxy.cli.stores import providers
from proxy.config.model import Config
from proxy.credentials.model import WHOLE, Kind
from proxy.errors import ConfigError
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


def test_no_client_of_a_store_is_loaded_unless_a_reference_asks_for_it(tmp_path: Path) -> None:
    """Each costs time to load, and memory: a sidecar whose keys are on its machine pays for none."""
    file = tmp_path / "c.yaml"
    file.write_text("version: 1\ncredentials: {app: {api_key: 'env:KEY'}}\n")
    clients = ("botocore", "google", "hvac", "requests", "urllib3")
    code = f"""
import sys
from pathlib import Path
from proxy.cli.stores import providers
from proxy.config.load import load
import proxy.app
providers(load(Path(sys.argv[1]), {{}}).config, {{}})
print(sorted(name for name in {clients} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("reference", "extra"), [("gcp:projects/p/secrets/s", "gcp"), ("aws-sm:a", "aws"), ("aws-ssm:/a", "aws")]
)
def test_a_client_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch, reference: str, extra: str) -> None:
    """With the command that installs it."""
    for name in ("botocore", "botocore.awsrequest", "google.auth", "google"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("proxy.credentials.aws", "proxy.credentials.gcp"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ConfigError, match="needs its client library") as refused:
        providers(config(credentials={"app": {"api_key": reference}}), {})
    assert f'pip install "customerio-sidecar[{extra}]"' in str(refused.value)
