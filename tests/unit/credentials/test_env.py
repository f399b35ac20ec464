"""Secrets kept in the environment."""

from pathlib import Path

import pytest

from proxy.credentials.env import EnvProvider
from proxy.credentials.model import WHOLE, Provider, UnreadableError
from proxy.sensitive import Sensitive


def test_a_variable_holds_the_secret() -> None:
    """Without line ends; the provider meets its protocol."""
    provider: Provider = EnvProvider({"KEY": "secret\n"})
    assert provider.read("KEY").secret(WHOLE) == Sensitive("secret")


def test_a_variable_may_name_a_file(tmp_path: Path) -> None:
    """`KEY_FILE`, as container images have it."""
    (tmp_path / "key").write_text("secret\n")
    assert EnvProvider({"KEY_FILE": str(tmp_path / "key")}).read("KEY").secret(WHOLE) == Sensitive("secret")


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({}, "is not set"),
        ({"KEY": ""}, "is empty"),
        ({"KEY_FILE": ""}, "is not set"),
        ({"KEY": "a", "KEY_FILE": "b"}, "remove one of them"),
        ({"KEY": "", "KEY_FILE": "b"}, "remove one of them"),
        ({"KEY_FILE": "CANARY/none"}, "no such file"),
        ({"KEY": "CANARY\x00"}, "cannot be printed"),
    ],
)
def test_a_secret_that_is_not_there_says_why(environ: dict[str, str], problem: str) -> None:
    """Without a word of the value, or of where it was looked for."""
    with pytest.raises(UnreadableError, match=problem) as refused:
        EnvProvider(environ).read("KEY").secret(WHOLE)
    assert "CANARY" not in str(refused.value)
    assert "KEY" not in str(refused.value)
