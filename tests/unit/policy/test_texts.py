"""Structure inside strings."""

import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.errors import Reason, RefusedError
from proxy.payload.budget import Budget, unmetered
from proxy.policy.names import spelled_names
from proxy.policy.texts import (
    HELD_SIGNS_MAX,
    WINDOW_CHARACTERS,
    decoded,
    held_json,
    may_be_structured,
    named_values,
    parameters,
    spelled,
)

CANARY = "536-90-4399"


def ruled(name: str) -> bool:
    """Say whether a rule names `ssn` by what `name` spells."""
    return "ssn" in spelled_names(name)


def masked(text: str) -> str:
    """Return a text with the values masked that stand behind the quoted name `ssn`."""
    pieces: list[str] = []
    done = 0
    for value in named_values(text, ruled, unmetered()):
        pieces += (text[done : value.start], "[R]")
        done = value.end
    return "".join((*pieces, text[done:]))


def taken(text: str) -> list[str]:
    """Return the values of the parameters called `ssn`."""
    return [text[found.value : found.end] for found in parameters(text, ruled, unmetered())]


@pytest.mark.parametrize(
    ("body", "may"),
    [
        (b'{"plan":"pro","a":[1,{"b":"c d"}]}', False),
        (b'{"text": "don\'t, it\'s 5 o\'clock: now"}', False),
        (b'{"a":"line\\nend"}', False),
        (b'{"a":"{\\"ssn\\":1}"}', True),
        (b'{"a":"{\\u0022ssn\\u0022:1}"}', True),
        (b'{"a":"[1]"}', True),
        (b'{"a":" [1]"}', True),
        (b'{"a":"\\n[1]"}', True),
        (b'{"a":"{\'ssn\': 1}"}', True),
        (b'{"a":"`ssn`:1"}', True),
        ('{"a":"“ssn”:1"}'.encode(), True),
        ('{"a":"\ufeff{}"}'.encode(), True),
        (b'{"url":"https://x/?ssn=1"}', True),
        (b'{"url":"https://x/?ssn\\u003d1"}', True),
        (b'{"url":"https://x/?ssn\\u003D1"}', True),
        (b'{"url":"%73sn"}', True),
        (b'{"a":"got {&quot;ssn&quot;:1}"}', True),
        (b'{"a":"&#39;ssn&#39;: 1"}', True),
        (b'{"a":"Tom & Jerry; AT&T"}', False),
        (b'{"a":[["ssn","1"]]}', True),
        (b'{"a":[ ["ssn","1"]]}', True),
        (b'{"a":{"name":"ssn","value":"1"}}', True),
        (b'{"a":{"NAME":"ssn","VALUE":"1"}}', True),
    ],
)
def test_most_bodies_hold_nothing_in_their_strings(body: bytes, *, may: bool) -> None:
    """What may hold structure or a pair shows it: a quotation mark, a bracket, a sign, or an escape of one."""
    assert may_be_structured(body) is may


@pytest.mark.parametrize(
    ("text", "value", "exact"),
    [
        ('{"a":1}', {"a": 1}, True),
        (' \n[{"a":1}]', [{"a": 1}], True),
        ('"{\\"a\\":1}"', '{"a":1}', True),
        ("[1,2]", [1, 2], True),
        ('{ "a" : 1.50 , "b":1e2}', {"a": 1.5, "b": 100.0}, True),
        ('{"a":123456789012345678901}', {"a": 123456789012345678901}, True),
        ('{"a":"\ud800"}', {"a": "\ud800"}, True),
        ('{"p":{"ssn":1},"p":1}', {"p": 1}, False),
        ('{"a":[{"b":1,"b":1}]}', {"a": [{"b": 1}]}, False),
        ('{"a":4111111111111111e-400}', {"a": 0.0}, False),
        ('{"a":0.12345678901234567890}', {"a": 0.12345678901234568}, False),
        ('{"a":1e-99999999999999999999999}', {"a": 0.0}, False),
        ('{"a":NaN}', {"a": None}, False),
    ],
)
def test_json_in_a_string_is_found(text: str, value: object, *, exact: bool) -> None:
    """Arrays, objects and strings of it, and whether reading lost a repeated key or changed a number."""
    held = held_json(text, unmetered())
    assert held is not None
    assert (held.value, held.exact) == (value, exact)


@pytest.mark.parametrize(
    "text",
    [
        'say "hi"',
        '{"a":',
        "plain",
        '{"\ud800',
        '["a]',
        "[INFO] {x}",
        '{"a":1}{"b":2}',
        '\ufeff{"a":1}',
        '\xa0{"a":1}',
        '{"a":1,}',
    ],
)
def test_what_is_no_json_is_text(text: str) -> None:
    """Cut, joined, behind a mark or a blank that JSON does not know, with a comma too many."""
    assert held_json(text, unmetered()) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":' * 200 + "1" + "}" * 200, Reason.TOO_DEEP),
        ('["\ud800",' + '{"a":' * 200 + "1" + "}" * 200 + "]", Reason.TOO_DEEP),
        ("[" * 100_000 + "]" * 100_000, Reason.TOO_DEEP),
        ('{"ssn":1,"a":1e400}', Reason.INVALID_JSON),
        ('{"a":-1e400}', Reason.INVALID_JSON),
        ('{"a":' + "1" * 4301 + "}", Reason.INVALID_JSON),
    ],
)
def test_json_that_a_body_may_not_hold_is_refused(text: str, reason: Reason) -> None:
    """It could not be looked into, or not be sent on as it is."""
    with pytest.raises(RefusedError) as refused:
        held_json(text, unmetered())
    assert refused.value.reason is reason


def test_what_was_changed_is_spelled_as_compact_json() -> None:
    """As bodies are."""
    assert spelled({"a": [1, "ü"]}) == '{"a":[1,"ü"]}'


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"ssn":"@","x":1', '{"ssn":"[R]","x":1'),
        ('{"a":1}{"ssn":"@"}', '{"a":1}{"ssn":"[R]"}'),
        ('\ufeff{"ssn": "@"}', '\ufeff{"ssn": "[R]"}'),
        ('{"ssn":"@",}', '{"ssn":"[R]",}'),
        ('cb({"ssn":"@"});', 'cb({"ssn":"[R]"});'),
        ('{"ssn":"@"}\n{"a":"b"}', '{"ssn":"[R]"}\n{"a":"b"}'),
        ("{'ssn': '@', 'a': 1}", "{'ssn': '[R]', 'a': 1}"),
        ("{'ssn': b'@', 'a': 1}", "{'ssn': b'[R]', 'a': 1}"),
        ("{'ssn': '''@''', 'a': 1}", "{'ssn': '''[R]''', 'a': 1}"),
        ("{'ssn': datetime.date(1990, 1, 1), 'x': 2}", "{'ssn': [R], 'x': 2}"),
        ('log: {\\"ssn\\":\\"@\\",\\"p\\":1}', 'log: {\\"ssn\\":\\"[R]\\",\\"p\\":1}'),
        ('log: {\\\\\\"ssn\\\\\\":\\\\\\"@\\\\\\"}', 'log: {\\\\\\"ssn\\\\\\":\\\\\\"[R]\\\\\\"}'),
        ('"{""ssn"":""@"",""x"":1}"', '"{""ssn"":""[R]"",""x"":1}"'),
        ('{"ssn":["@","]"],"x":1', '{"ssn":[R],"x":1'),
        ('{"ssn":{"a":"}@"},"x":1} tail', '{"ssn":[R],"x":1} tail'),
        ('{"ssn":@,"x":1', '{"ssn":[R],"x":1'),
        ('"ssn": @\nnext', '"ssn": [R]\nnext'),
        ('{"ssn":"a\\"@","x":1', '{"ssn":"[R]","x":1'),
        ('{"ssn":"@', '{"ssn":"[R]'),
        ('{"ssn":["@"', '{"ssn":[R]'),
        ("&quot;ssn&quot;:&quot;@&quot;,", "&quot;ssn&quot;:&quot;[R]&quot;,"),
        ("\\u0022ssn\\u0022:\\u0022@\\u0022 x", "\\u0022ssn\\u0022:\\u0022[R]\\u0022 x"),
        ("“ssn”: “@” x", "“ssn”: “[R]” x"),
        ('{"s\\u0073n":"@"} x', '{"s\\u0073n":"[R]"} x'),
        ('{"user.ssn" :\t"@"} x', '{"user.ssn" :\t"[R]"} x'),
        ('{"a":"ssn", "b":"c"} x', '{"a":"ssn", "b":"c"} x'),
        ("don't: worry", "don't: worry"),
    ],
)
def test_a_quoted_name_and_a_colon_stand_before_a_value(text: str, left: str) -> None:
    """A quoted string to its mark, a group to its bracket, else up to a comma, a bracket or the line's end; at worst all."""
    assert masked(text.replace("@", CANARY)) == left


@given(
    st.lists(
        st.sampled_from(['{"ssn":"', "'", '"', "\\", ":", "x", "{", "}", "[", "]", ",", "\n", " ", "“", "&quot;"]), max_size=30
    ),
    st.sampled_from(['"ssn":"{}"', "'ssn': '{}'", '"ssn":{},', '\\"ssn\\":\\"{}\\"', '"ssn":[1,"{}"]', '"ssn" : {{"a":"{}"}}']),
)
def test_g1_no_surroundings_hide_a_named_value(before: list[str], form: str) -> None:
    """Whatever stands before it, a value behind its name is taken, or lies in another that is."""
    assert CANARY not in masked("".join(before) + " , " + form.format(CANARY) + " }tail")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("https://a/b?ssn=1", ["1"]),
        ("https://a/b?ssn=1&plan=pro", ["1"]),
        ("https://a/b?plan=pro&ssn=1#ssn=2", ["1", "2"]),
        ("/b?%73sn=1&a", ["1"]),
        ("/b?user%5Bssn%5D=1&a", ["1"]),
        ("/b?user[ssn]=1&a", ["1"]),
        ("ssn=1;ssn=2;a=b", ["1", "2"]),
        ("?ssn=536;90-4399&x=1", ["536;90-4399"]),
        ("?ssn=536 90-4399&x=1", ["536 90-4399"]),
        ('?ssn=536"90-4399&x=1', ['536"90-4399']),
        ("{ssn=536 90, plan=pro}", ["536 90,"]),
        ("next=ssn=5&b=1", ["5"]),
        ('<a href="?ssn=5">x</a>', ["5"]),
        ("ssn=1 ok\nssn=2", ["1 ok", "2"]),
        ("aGVsbG8=", []),
        ("a=b=c=d=e=f", []),
        ("notssn=1", []),
        ("ssn=", [""]),
        ("(a)ssn=1", ["1"]),
        ("{{a}}ssn=1", ["1"]),
        ("[a]ssn=1", ["1"]),
        ("?q=a%26ssn=1", ["1"]),
        ("?q=a%2526ssn=1", ["1"]),
        ("?q=a+ssn=1", ["1"]),
        ("?q=a%20ssn=1", ["1"]),
        ("a!ssn=1", ["1"]),
        ("first%20name=1", []),
        ("?a%26user%5Bssn%5D=1", ["1"]),
    ],
)
def test_a_value_goes_on_to_the_next_parameter(text: str, values: list[str]) -> None:
    """No separator, blank or mark inside a value leaves half of it behind."""
    assert taken(text) == values


@given(
    st.lists(st.sampled_from(["&", ";", " ", "?", "=", "a", "%", "[", '"', "(", "x=", "+", "{", ","]), max_size=20),
    st.text("&; x\"'<=#", max_size=4),
)
def test_g1_no_surroundings_hide_a_parameter(before: list[str], inside: str) -> None:
    """Whatever stands before its name, a parameter's value is taken; what follows up to the next one goes with it."""
    text = "".join(before) + "&ssn=" + CANARY + inside
    left, done = "", 0
    for found in parameters(text, ruled, unmetered()):
        left += text[done : found.start]
        done = found.end
    assert CANARY not in left + text[done:]


@given(st.text("ab1 ", max_size=3), st.characters(exclude_categories=("L", "M", "N", "Cs")), st.integers(0, 3))
def test_g1_no_sign_before_a_name_hides_it(before: str, sign: str, coded: int) -> None:
    """Whatever sign stands right before the name of a parameter, percent-coded or not. Three signs are parts of names."""
    assume(sign not in "-_.%")
    for _ in range(coded):
        sign = quote(sign, safe="")
    assert taken(f"?q={before}{sign}ssn={CANARY}")[-1:] == [CANARY]


QUOTES = ('""', "''", "``", "“”", "‘’", "„“", "«»", "＂＂", "＇＇")
ENTITIES = ("&quot;", "&apos;", "&#34;", "&#39;", "&#x22;", "&#x27;")


@given(
    st.text("x {[:&", max_size=4),
    st.sampled_from([*((each[0], each[1]) for each in QUOTES), *zip(ENTITIES, ENTITIES, strict=True)]),
    st.text(" \n\t\r\x85\xa0\u2028\u3000", max_size=3),
    st.booleans(),
)
def test_g1_a_body_whose_strings_hold_named_values_is_known_by_its_bytes(
    before: str,
    quotes: tuple[str, str],
    gap: str,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    """Where a value is found by its name, the look at the body's bytes must not have ruled out that there is one."""
    text = f"{before}{quotes[0]}ssn{quotes[1]}{gap}:{CANARY}"
    assert CANARY not in masked(text)
    assert may_be_structured(json.dumps({"a": text}, ensure_ascii=ascii_only, separators=(",", ":")).encode())


def test_percent_coded_parts_are_decoded_and_coded_again() -> None:
    """Only what is changed gets another spelling; behind an equals sign a plus is a space."""
    seen: list[str] = []

    def treat(part: str) -> str:
        seen.append(part)
        return part.replace("ada", "X")

    text = "https://x/u/ada%40e.com/b%2fc?to=ada+l&n=1+1#50% %zz"
    assert decoded(text, treat, unmetered()) == "https://x/u/X%40e.com/b%2fc?to=X+l&n=1+1#50% %zz"
    assert seen == ["ada@e.com", "b/c", "ada l", "1 1"]
    assert decoded("a%20b", lambda _: None, unmetered()) is None


@pytest.mark.parametrize(
    "piece",
    [
        '":',
        "a=b&",
        "a=",
        "::::",
        "% ",
        "%41",
        '"ssn":"',
        "ssn=;",
        "ssn= a",
        "'ssn':{",
        '"',
        "\\",
        "“",
        " ",
        "&quot;",
        "ssn=[(",
        "'';:",
    ],
)
def test_g11_work_on_a_text_is_paid_for_and_linear(piece: str) -> None:
    """Twice the text takes at most a little more than twice the units, and every loop over it pays."""

    def units(text: str) -> int:
        budget = unmetered()
        before = budget.left
        list(named_values(text, ruled, budget))
        list(parameters(text, ruled, budget))
        decoded(text, lambda part: part, budget)
        return before - budget.left

    one, two = units(piece * 20_000), units(piece * 40_000)
    assert two <= 2.1 * one + 100


def test_g11_a_text_that_takes_too_much_is_refused() -> None:
    """Nothing of it is looked at only in part."""
    with pytest.raises(RefusedError) as refused:
        list(parameters("a=b&" * 100_000, ruled, Budget(10)))
    assert refused.value.reason is Reason.TOO_COMPLEX


@pytest.mark.parametrize("unit", ["%C3%A9", "a%41", "%zz", "%", "\u00e9%E2%82%AC", "%2"])
@pytest.mark.parametrize("shift", range(6))
def test_g11_a_long_part_is_decoded_a_window_at_a_time(unit: str, shift: int) -> None:
    """Wherever a window ends, in a code or in a character, the whole is what the standard library makes of it."""
    text = "x" * shift + unit * (3 * WINDOW_CHARACTERS // len(unit))
    seen: list[str] = []
    paid = unmetered()
    before = paid.left

    def see(part: str) -> str:
        seen.append(part)
        return part

    decoded(text, see, paid)
    assert seen == ([] if unquote(text) == text else [unquote(text)])
    assert before - paid.left > len(text) // 4


def test_g11_json_of_too_many_values_is_not_read() -> None:
    """Reading it could not be interrupted."""
    text = "[" + "1," * HELD_SIGNS_MAX + "1]"
    with pytest.raises(RefusedError) as refused:
        held_json(text, unmetered())
    assert refused.value.reason is Reason.TOO_COMPLEX
    assert held_json(text[: HELD_SIGNS_MAX - 2] + "1]", unmetered()) is not None
