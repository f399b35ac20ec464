"""What the sender needs from the outside."""

import pytest

from proxy.delivery.ports import Injected
from proxy.delivery.scrub import Scrubber


@pytest.mark.parametrize("form", ["{!r}", "{!s}", "{}"])
def test_a_credential_prints_its_fingerprint_only(form: str) -> None:
    """A traceback or a log that shows it shows nothing of the secret (promise G2)."""
    injected = Injected(b"Authorization: Basic c2VjcmV0\r\n", "1f2e3d4c", Scrubber([b"secret"]))
    assert form.format(injected) == "Injected(key_id='1f2e3d4c')"
