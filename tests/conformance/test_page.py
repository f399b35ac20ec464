"""`docs/conformance.md` says what the corpora prove, and the corpora are as large as they are said to be."""

from tests.conformance import page
from tests.conformance.corpus import by_name
from tests.needs import ROOT


def test_the_page_is_the_corpora() -> None:
    """The page is made from the cases that are played."""
    assert (ROOT / "docs" / "conformance.md").read_text() == page.page()


def test_the_corpora_are_large_and_each_case_its_own() -> None:
    """At least 150 requests, 80 answers and 150 texts; none stands in a corpus twice, by name or by bytes."""
    for groups, least in ((page.REQUESTS, 150), (page.ANSWERS, 80), (page.TEXTS, 150)):
        assert len(by_name(groups)) == page.count(groups) >= least
    sent = [(case.sent, case.then) for case in by_name(page.REQUESTS).values()]
    assert sorted(sent) == sorted(set(sent))
    scripts = [(case.script, case.again, case.sent, case.used, group.title) for group in page.ANSWERS for case in group.cases]
    assert len(set(scripts)) == len(scripts)
    texts = [(document.text, document.fields) for document in by_name(page.TEXTS).values()]
    assert sorted(texts) == sorted(set(texts))
