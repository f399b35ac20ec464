"""Numbers of states. The examples are those of the issuers, or of python-stdnum's own documentation."""

import pytest

from proxy.policy.detectors.national import COUNTRIES
from tests.detections import found

pytestmark = pytest.mark.needs("detectors")

# By country: how a number is written, and that number with one character off.
EXAMPLES = {
    "AT": ("1237 010180", "2237 010180"),
    "AU": ("123 456 782", "123 456 783"),
    "BE": ("85.07.30-033.28", "85.07.30-033.29"),
    "BG": ("7523169263", "7523169264"),
    "BR": ("390.533.447-05", "390.533.447-06"),
    "CA": ("123 456 782", "123 456 783"),
    "CH": ("756.9217.0769.85", "756.9217.0769.84"),
    "CL": ("12.531.909-2", "12.531.909-3"),
    "CZ": ("710319/2745", "710319/2746"),
    "DE": ("36 574 261 809", "36 574 261 890"),
    "EE": ("36805280109", "36805280108"),
    "ES": ("54362315-K", "54362315-Z"),
    "FI": ("131052-308T", "131052-308U"),
    "FR": ("2 95 10 99 126 111 93", "2 95 10 99 126 111 99"),
    "GR": ("01013099997", "01013099999"),
    "HR": ("33392005961", "33392005962"),
    "IE": ("6433435F", "6433435E"),
    "IN": ("2341 2341 2346", "2341 2341 2347"),
    "IT": ("RCCMNL83S18D969H", "RCCMNL83S18D969I"),
    "MX": ("BOXW310820HNERXN09", "BOXW310820HNERXN08"),
    "NL": ("1112.22.333", "1112.52.333"),
    "PL": ("44051401359", "44051401358"),
    "RO": ("1630615123457", "1630615123458"),
    "SE": ("880320-0016", "880320-0018"),
    "TR": ("17291716060", "17291716050"),
}
MORE = [
    ("BE", "17073003384"), ("ES", "X-2482300W"), ("FR", "253072B07300470"), ("IE", "6433435FW"), ("NL", "111222333"),
    ("SE", "19880320-0016"), ("SE", "8803200016"), ("IN", "234123412346"), ("IT", "RCC MNL 83S18 D969H"), ("BR", "39053344705"),
]  # fmt: skip


def test_each_country_has_an_example() -> None:
    """No country stands in the table that nothing shows to work."""
    assert set(EXAMPLES) == set(COUNTRIES)


@pytest.mark.parametrize(("country", "number"), [*((country, number) for country, (number, _) in EXAMPLES.items()), *MORE])
def test_a_national_id_is_found(country: str, number: str) -> None:
    """As it is written, alone and in a text; not in a longer run of letters and digits, and not joined to more digits."""
    name = f"national_id:{country}"
    assert found(name, number) == [number]
    assert found(name, f"id={number}, please") == [number]
    for text in (f"a{number}", f"{number}0", f"1-{number}", f"{number}.5"):
        assert number not in found(name, text)


@pytest.mark.parametrize(("country", "number"), [(country, off) for country, (_, off) in EXAMPLES.items()])
def test_a_national_id_with_one_character_off_is_not_found(country: str, number: str) -> None:
    """The check digit decides."""
    assert found(f"national_id:{country}", number) == []


@pytest.mark.parametrize("text", ["078-05-1120", "219 09 9999", "536.90.4399"])
def test_a_social_security_number_is_found_as_it_is_written(text: str) -> None:
    """With one kind of separator."""
    assert found("us_ssn", f"her number: {text}.") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "000-12-3456", "666-12-3456", "900-12-3456", "123-00-4567", "123-45-0000",  # never given out
        "123-45-67890", "536904399", "12-345-6789", "123-45 6789", "1-536-90-4399",
    ],
)  # fmt: skip
def test_what_is_no_social_security_number(text: str) -> None:
    """Areas, groups and serials that are never given out; other groupings; nine digits that nothing tells from others."""
    assert found("us_ssn", text) == []


def test_nine_digits_behind_the_word_are_a_social_security_number() -> None:
    """The word tells what the digits are, and stays."""
    for text in ("SSN: 536904399", "ssn=536904399", "Social Security number 536904399", '"ssn":"536904399"'):
        assert found("us_ssn", text) == ["536904399"]


def test_any_nine_digits_on_request() -> None:
    """`us_ssn:bare` and `us_itin:bare` take digits alone, each those that could be one."""
    assert found("us_ssn:bare", "536904399 and 536-90-4399") == ["536904399", "536-90-4399"]
    assert found("us_ssn:bare", "912704399 or 5369043991") == []
    assert found("us_itin:bare", "912704399 and 536904399") == ["912704399"]


@pytest.mark.parametrize("number", ["912-70-4399", "912 94 4399", "999-65-1234"])
def test_a_taxpayer_number_is_found(number: str) -> None:
    """It begins with 9 and has a middle group that is given out."""
    assert found("us_itin", f"ITIN {number}") == [number]
    assert found("us_itin", f"itin: {number[:3]}{number[4:6]}{number[7:]}") == [f"{number[:3]}{number[4:6]}{number[7:]}"]


@pytest.mark.parametrize("number", ["912-93-4399", "912-89-4399", "812-70-4399", "912-49-4399"])
def test_what_is_no_taxpayer_number(number: str) -> None:
    """Middle groups and areas that are not given out."""
    assert found("us_itin", number) == []


@pytest.mark.parametrize("number", ["AB123456C", "AB 12 34 56 C", "ab123456c", "AB-12-34-56-D"])
def test_a_national_insurance_number_is_found(number: str) -> None:
    """In one piece or in pairs."""
    assert found("uk_nino", f"NINO {number}.") == [number]


@pytest.mark.parametrize("number", ["AB123456E", "DB123456C", "AO123456C", "GB123456C", "AB12345C", "AB1234567C", "XAB123456C"])
def test_what_is_no_national_insurance_number(number: str) -> None:
    """Suffixes and prefixes that are never given out; too short, too long."""
    assert found("uk_nino", number) == []


@pytest.mark.parametrize("number", ["943 476 5870", "943-476-5919", "4010232137", "401 023 2137"])
def test_an_nhs_number_has_a_range_and_a_check_digit(number: str) -> None:
    """Numbers in a range of England or Northern Ireland are found if their check digit is right; those for tests are not."""
    expected = [] if number.startswith("9") else [number]
    assert found("uk_nhs", number) == expected
    assert found("uk_nhs", number[:-1] + str((int(number[-1]) + 1) % 10)) == []


def test_a_timestamp_is_no_nhs_number() -> None:
    """Seconds since 1970 have ten digits too; none of this century's is in a range that is given out."""
    assert [second for second in range(1_700_000_000, 1_700_000_400) if found("uk_nhs", str(second))] == []
