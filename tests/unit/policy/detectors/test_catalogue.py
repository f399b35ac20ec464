"""Detectors by name."""

import sys

import pytest

from proxy.policy.detectors.catalogue import DETECTORS, detector
from tests.detections import ALL


@pytest.mark.needs("detectors")
@pytest.mark.parametrize("name", ALL)
def test_each_name_is_a_detector(name: str) -> None:
    """What is listed is there, and says in one line what it finds."""
    assert detector(name).pattern
    assert "\n" not in DETECTORS.get(name, "")


@pytest.mark.parametrize(
    "name", ["", "card", "payment_card:x", "national_id", "national_id:XX", "national_id:es", "phone:", "us_ssn:any"]
)
def test_another_name_is_refused(name: str) -> None:
    """A misspelt detector would silently find nothing."""
    with pytest.raises(ValueError, match=r"is no detector; docs/detectors\.md lists them"):
        detector(name)


@pytest.mark.parametrize(
    ("name", "module", "extra"), [("national_id:ES", "stdnum.es.dni", "detectors"), ("phone", "phonenumbers", "phone")]
)
def test_a_missing_library_is_refused_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    """The libraries are extras; who needs one is told its name."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ValueError, match=rf'needs a library: pip install "customerio-sidecar\[{extra}\]"'):
        detector(name)
