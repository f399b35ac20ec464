"""Texts with personal data planted in them, and texts with none: what detectors are judged by. All are made up, from a seed.

Texts are as attributes and events of Customer.io have them: most are the value and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random  # noqa: TID251 - made from a seed

from bench.plain import PLAIN
from bench.planted import NAMED, PLANTED

SEED = 6
PLANTED_OF_EACH = 150
PLAIN_OF_EACH = 400

_PLACE = "{}"
_AROUND = (
    *[_PLACE] * 6, "Customer wrote: {} please call back", "note: {}", "updated by import; old value was {}.", "({})",
    "Bonjour, voici mes coordonnées: {}, merci", "ref={} source=web", '{"value": "{}"}', "Kunde: Müller, {}; bezahlt",
    "Please change it to {} from next month, thanks!", "https://shop.example/account?x={}&y=1", "first line\n{}\nlast line",
    "<b>{}</b>", "id|{}|end", "お客様番号：{}。",  # noqa: RUF001 - as it is written there
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """One text; `text[start:end]` is what was planted, which `kind` names. Without one, `kind` says what the text is."""

    text: str
    kind: str
    start: int = 0
    end: int = 0


def texts(seed: int = SEED, planted: int = PLANTED_OF_EACH, plain: int = PLAIN_OF_EACH) -> Iterator[Text]:
    """Yield every text, `planted` and `plain` of each kind; the same for the same numbers."""
    rng = Random(seed)  # noqa: S311 - no secret is made
    for kind, make in PLANTED.items():
        for _ in range(planted):
            before, _, after = rng.choice(_AROUND).partition(_PLACE)
            name, _, value = make(rng).rpartition(NAMED)
            start = len(before) + len(name)
            yield Text(f"{before}{name}{value}{after}", kind, start, start + len(value))
    for kind, make in PLAIN.items():
        for _ in range(plain):
            yield Text(rng.choice(_AROUND).replace(_PLACE, make(rng)), kind)


def disguised(text: Text) -> Text:
    """Return a text whose planted value is in full-width characters, with one that is not seen in its middle."""
    value = text.text[text.start : text.end]
    wide = "".join(chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character for character in value)
    middle = len(wide) // 2
    wide = f"{wide[:middle]}\N{ZERO WIDTH SPACE}{wide[middle:]}"
    return Text(text.text[: text.start] + wide + text.text[text.end :], text.kind, text.start, text.start + len(wide))
