"""The sections `admin` and `logs`."""

import pytest
from pydantic import ValidationError

from proxy.config.operations import Admin, Logs


def test_the_operator_s_port_may_listen_anywhere() -> None:
    """Prometheus scrapes pods from outside; health and metrics hold no secret."""
    assert Admin().host == "127.0.0.1"
    assert Admin.model_validate({"host": "0.0.0.0"}).token is None


def test_a_token_is_a_reference() -> None:
    """The token itself never stands in a file."""
    with pytest.raises(ValidationError):
        Admin.model_validate({"token": "0123456789abcdef0123456789abcdef"})


@pytest.mark.parametrize("logs", [{"level": "trace"}, {"level": "INFO"}, {"format": "text"}])
def test_a_word_that_means_nothing_is_refused(logs: dict[str, str]) -> None:
    """Levels and formats are closed sets."""
    with pytest.raises(ValidationError):
        Logs.model_validate(logs)
