"""Microsoft Presidio's recognisers of patterns, called directly: without a language model, and so without the context it adds.

Runs in an environment of its own. Reads `{"recognisers": {name: {class: arguments}}, "texts": […], "repeats": …}`, writes for
each name `[[[[start, end, score], …], …], µs per text]`: what is in each text, and the least time that a repeat took.
"""

import json
import sys
import time
from typing import Any


def main() -> None:
    """Answer one request."""
    import tldextract  # type: ignore[import-not-found]  # noqa: PLC0415 - of its own environment
    from presidio_analyzer import predefined_recognizers  # type: ignore[import-not-found]  # noqa: PLC0415 - likewise

    # It would fetch the list of domains; the one that is packed with it does as well.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    asked = json.load(sys.stdin)
    answer = {}
    for name, classes in asked["recognisers"].items():
        recognisers = [getattr(predefined_recognizers, each)(**arguments) for each, arguments in classes.items()]
        spans: list[list[tuple[int, int, float]]] = []
        took = []
        for _ in range(asked["repeats"]):
            began = time.process_time()
            spans = [analysed(recognisers, text) for text in asked["texts"]]
            took.append(time.process_time() - began)
        answer[name] = spans, min(took) / len(spans) * 1e6
    json.dump(answer, sys.stdout)


def analysed(recognisers: list[Any], text: str) -> list[tuple[int, int, float]]:
    """Return what all of `recognisers` find in `text`."""
    return [
        (result.start, result.end, result.score)
        for recogniser in recognisers
        for result in recogniser.analyze(text, recogniser.supported_entities) or ()
    ]


if __name__ == "__main__":
    main()
