"""Phone numbers. The examples are of ranges that are kept for fiction and documentation, where a country has one."""

import pytest

from proxy.policy.detectors.catalogue import detector
from tests.detections import found

pytestmark = pytest.mark.needs("detectors")


@pytest.mark.parametrize(
    "number",
    ["+1 415-555-0132", "+14155550132", "+44 20 7946 0958", "+44 (0)20 7946 0958", "+49 30 23125 123", "+33 1 42 68 53 00"],
)
def test_an_international_number_is_found(number: str) -> None:
    """Wherever the reader is."""
    assert found("phone", f"Call {number}, or write.") == [number]
    assert found("phone:US", f"tel:{number}") == [number]


@pytest.mark.parametrize(
    ("region", "number"),
    [("US", "(415) 555-0132"), ("US", "415.555.0132"), ("US", "4155550132"), ("GB", "020 7946 0958"), ("FR", "01 42 68 53 00")],
)
def test_a_number_as_it_is_dialled_is_found_in_its_region_only(region: str, number: str) -> None:
    """Nothing tells these digits from others but the numbering plan of a region."""
    assert found(f"phone:{region}", f"Call {number} now") == [number]
    assert found("phone", f"Call {number} now") == []


@pytest.mark.parametrize("number", ["1-415-555-0132", "1 (415) 555 0132", "415-5550132", "(415)555-0132", "+1 4155 550132"])
def test_a_number_of_north_america_is_found_in_its_own_groups(number: str) -> None:
    """With the trunk code, with any separators, with two of the groups as one; after a plus sign in any groups."""
    assert found("phone:US", f"Call {number} now") == [number]


@pytest.mark.parametrize(
    "text",
    [
        "2024-11-25 12:30",
        "1732510712",
        "1732510712000",
        "550e8400-e29b-41d4-a716-446655440000",
        "+1 055 555 0132",
        "12.50",
        "115-555-0132",
        "ORD-2026-012345",
        "202 601 23 45",
    ],
)
def test_what_is_no_phone_number(text: str) -> None:
    """Dates, timestamps, parts of identifiers, area codes that nobody has, groups that nobody in North America writes."""
    assert found("phone:US", text) == []


@pytest.mark.parametrize("time", ["1649806136090", "1683653055421", "1697938987307"])
def test_a_time_in_milliseconds_is_no_number_of_a_pager(time: str) -> None:
    """A sixth of all such times are in the German range for them."""
    assert found("phone:DE", time) == []
    assert found("phone:DE", f"+49 {time}") == [f"+49 {time}"]


def test_what_stands_behind_a_number_stays() -> None:
    """A count or a year behind it is no part of it."""
    assert found("phone", "+1 415 555 0132 5 items") == ["+1 415 555 0132"]


def test_a_region_that_is_none_is_refused() -> None:
    """It would silently find nothing."""
    with pytest.raises(ValueError, match="no country has this code; write it as in phone:US"):
        detector("phone:XX")
