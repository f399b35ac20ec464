"""An upstream answer on its way to a caller: whole, in pieces, held, swallowed; never with the secret in it."""

import tracemalloc

import orjson
import pytest

from proxy.delivery.answer import HELD_BATCH_BYTES, HELD_BYTES, NOT_JSON_CODE, Refuse, Treatment
from proxy.delivery.reply import Reply, begun
from proxy.delivery.scrub import Scrubber
from proxy.delivery.withheld import Withheld
from proxy.errors import Reason
from tests.fakes import FakeCaller, outgoing

SECRET = b"s3cr3t-key"
SCRUBBER = Scrubber([SECRET])
JSON = b"Content-Type: application/json\r\n"


def reply(treatment: Treatment, status: int = 200, lines: bytes = JSON, length: int | None = None) -> Reply:
    """Return an answer of which the head has come."""
    return Reply(treatment, SCRUBBER, status, lines, length)


def test_an_answer_that_came_in_one_read_goes_out_in_one() -> None:
    """Nothing is begun before the whole is there: most answers are two bytes."""
    answer, caller = reply(Treatment.STREAM, 201), FakeCaller()
    answer.take(b"{")
    answer.take(b"}")
    assert not answer.begun
    assert answer.finish(caller) == 201
    assert (caller.ended, caller.status, caller.lines, caller.body) == ("answered", 201, JSON, b"{}")


def test_an_answer_in_pieces_goes_out_in_pieces() -> None:
    """Of a large answer a caller gets what there is, with the declared length, and the rest at the end."""
    large = b"x" * (HELD_BYTES + 1)
    answer, caller = reply(Treatment.STREAM, length=len(large) + 1000), FakeCaller()
    answer.take(large)
    answer.pass_on(caller)
    assert answer.begun
    assert (caller.status, caller.length) == (200, len(large) + 1000)
    assert HELD_BYTES - SCRUBBER.overlap_bytes <= len(caller.body) <= len(large)
    answer.take(b"y" * 1000)
    assert answer.finish(caller) == 200
    assert (caller.ended, caller.body) == ("finished", large + b"y" * 1000)


def test_a_small_answer_is_given_whole_or_not_at_all() -> None:
    """Until its end has come nothing goes out, so that one which breaks off can still be told as an error."""
    answer, caller = reply(Treatment.STREAM, length=None), FakeCaller()
    answer.take(b"x" * HELD_BYTES)
    answer.pass_on(caller)
    assert (answer.begun, caller.begun) == (False, False)
    assert answer.finish(caller) == 200
    assert (caller.ended, caller.body) == ("answered", b"x" * HELD_BYTES)


def test_a_held_answer_of_single_bytes_is_not_joined_for_each_of_them() -> None:
    """Ten megabytes of them that nothing was passed on of: a terabyte of work if a few at a time were joined to all before."""
    size = 10_000_000
    answer, caller = reply(Treatment.STREAM), FakeCaller()
    for _ in range(size):
        answer.take(b"x")
    assert answer.finish(caller) == 200
    assert caller.body == b"x" * size


@pytest.mark.parametrize("cut", range(len(SECRET) + 1))
def test_the_secret_is_scrubbed_across_pieces_and_the_length_holds(cut: int) -> None:
    """A far end that echoes the credential gives nothing away, and the length that was promised is kept (promise G4)."""
    body = b'{"echo":"' + SECRET + b'"}'
    at = 9 + cut
    answer, caller = reply(Treatment.STREAM, length=len(body)), FakeCaller()
    answer.take(body[:at])
    answer.pass_on(caller)
    answer.take(body[at:])
    answer.finish(caller)
    assert caller.body == body.replace(SECRET, b"*" * len(SECRET))


@pytest.mark.parametrize("treatment", [Treatment.STREAM, Treatment.HOLD])
def test_the_secret_is_scrubbed_from_whole_bodies_and_headers(treatment: Treatment) -> None:
    """Nor does it come back in a header, or in an error that is held."""
    answer, caller = reply(treatment, 400, b"X-Request-Id: " + SECRET + b"\r\n"), FakeCaller()
    answer.take(b'{"meta":{"error":"bad key ' + SECRET + b'"}}')
    answer.finish(caller)
    assert SECRET not in caller.lines + caller.body
    assert caller.body == b'{"meta":{"error":"bad key **********"}}'
    assert caller.lines == b"X-Request-Id: **********\r\n"


def test_a_held_error_goes_out_at_its_end_only() -> None:
    """Nothing of it is given before it is known to be JSON."""
    answer, caller = reply(Treatment.HOLD, 422), FakeCaller()
    answer.take(b'{"errors":')
    answer.pass_on(caller)
    assert not caller.begun
    answer.take(b"[]}")
    assert answer.finish(caller) == 422
    assert (caller.ended, caller.status, caller.body) == ("answered", 422, b'{"errors":[]}')


@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b'{"cut":'])
def test_an_error_that_is_not_json_is_wrapped(body: bytes) -> None:
    """Its status stays; its text, which no SDK could read, does not."""
    answer, caller = reply(Treatment.HOLD, 503, b"Content-Type: text/html\r\nRetry-After: 2\r\n"), FakeCaller()
    if body:
        answer.take(body)
    assert answer.finish(caller) == 503
    assert caller.status == 503
    assert caller.lines == b"Retry-After: 2\r\n" + JSON
    assert orjson.loads(caller.body)["code"] == NOT_JSON_CODE


def test_an_error_larger_than_any_error_is_wrapped_and_not_kept() -> None:
    """A far end that never stops costs no more memory than the bound (promise G12)."""
    answer, caller = reply(Treatment.HOLD, 500), FakeCaller()
    answer.take(b'"' + b"x" * (HELD_BYTES - 1))
    sizes = [answer.oversized]
    for _ in range(1000):
        answer.take(b"x" * 65_536)
    sizes.append(answer.oversized)
    assert sizes == [False, True]
    answer.finish(caller)
    assert orjson.loads(caller.body)["code"] == NOT_JSON_CODE


@pytest.mark.parametrize("treatment", [Treatment.STREAM, Treatment.HOLD])
def test_a_body_in_single_bytes_takes_no_more_memory_than_in_one(treatment: Treatment) -> None:
    """What is held costs its bytes, however a far end cuts them (promise G12)."""
    body = b'"' + bytes(range(97, 123)) * 2000 + b'"'
    answer, caller = reply(treatment, 400), FakeCaller()
    tracemalloc.start()
    try:
        for index in range(len(body)):
            answer.take(body[index : index + 1])
            answer.pass_on(caller)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < 2 * len(body)
    answer.finish(caller)
    assert caller.body == body


def test_a_swallowed_rejection_is_the_success_it_would_have_been() -> None:
    """The caller is told 200 `{}`, and nothing of the rejection."""
    answer, caller = reply(Treatment.SWALLOW, 400, b"X-Request-Id: 7\r\n"), FakeCaller()
    answer.take(b'{"error":"invalid"}')
    answer.pass_on(caller)
    assert answer.finish(caller) == 200
    assert (caller.status, caller.lines, caller.body) == (200, JSON, b"{}")


def test_a_success_that_is_not_json_passes_as_it_is() -> None:
    """Status and body are as Customer.io gave them."""
    answer, caller = reply(Treatment.STREAM, 200, b"Content-Type: text/csv\r\n"), FakeCaller()
    answer.take(b"a,b\r\n1,2\r\n")
    answer.finish(caller)
    assert (caller.lines, caller.body) == (b"Content-Type: text/csv\r\n", b"a,b\r\n1,2\r\n")


def test_an_answer_without_content_stays_without() -> None:
    """A 204 has no body, and gets none."""
    answer, caller = reply(Treatment.STREAM, 204, b""), FakeCaller()
    assert answer.finish(caller) == 204
    assert (caller.status, caller.lines, caller.body) == (204, b"", b"")


# The answer to what is left of a batch

OURS = {"batch_index": 0, "reason": "too_large", "field": "", "message": "ours"}


def rest(status: int, body: bytes, lines: bytes = JSON) -> Reply:
    """Return the whole answer to a batch whose first item was taken out."""
    answer = Reply(Treatment.REWRITE, SCRUBBER, status, lines, len(body), withheld=Withheld([1, 2], [OURS]))
    for start in range(0, len(body), 50_000):
        answer.take(body[start : start + 50_000])
    return answer


def test_the_head_of_an_answer_decides() -> None:
    """Only where something was taken out is there anything to rewrite."""
    call = outgoing()
    assert begun(call, SCRUBBER, 200, {}, 2).treatment is Treatment.STREAM
    call.withheld = Withheld([1], [OURS])
    assert begun(call, SCRUBBER, 200, {}, 2).treatment is Treatment.REWRITE
    assert begun(call, SCRUBBER, 503, {}, 2).treatment is Treatment.HOLD


def test_a_rest_is_answered_for_the_whole_batch() -> None:
    """At its end only; status, type and body are those of the rewritten answer."""
    answer, caller = rest(200, b"{}", b"Content-Type: text/plain\r\nX-Request-Id: 7\r\n"), FakeCaller()
    answer.pass_on(caller)
    assert not caller.begun
    answer.settle()
    assert answer.finish(caller) == 207
    assert (caller.status, caller.lines) == (207, b"X-Request-Id: 7\r\n" + JSON)
    assert orjson.loads(caller.body) == {"errors": [OURS]}


@pytest.mark.parametrize("spelled", [SECRET, b"\\u0073" + SECRET[1:]], ids=["plain", "escaped"])
def test_the_secret_is_scrubbed_from_a_rewritten_answer(spelled: bytes) -> None:
    """Also where it became plain only by being read and written anew (promise G4)."""
    body = b'{"errors":[{"batch_index":1,"message":"key ' + spelled + b'"}]}'
    answer, caller = rest(207, body), FakeCaller()
    answer.settle()
    answer.finish(caller)
    assert SECRET not in caller.body
    assert orjson.loads(caller.body)["errors"] == [OURS, {"batch_index": 2, "message": "key " + "*" * len(spelled)}]


def test_an_answer_to_a_rest_that_cannot_be_told_is_refused() -> None:
    """It is known at the end only."""
    answer = rest(207, b"<html>")
    answer.settle()
    assert answer.treatment == Refuse(Reason.UPSTREAM_INVALID)


def test_an_answer_to_a_rest_is_held_within_a_bound() -> None:
    """There is room for an error for each item; beyond it the answer is refused and not kept (promise G12)."""
    frame = b'{"a":""}'
    fits, over = (rest(200, b'{"a":"' + b"x" * (HELD_BATCH_BYTES - len(frame) + more) + b'"}') for more in (0, 1))
    assert (fits.oversized, over.oversized) == (False, True)
    caller = FakeCaller()
    fits.settle()
    assert fits.finish(caller) == 207
    assert orjson.loads(caller.body)["errors"] == [OURS]
    over.settle()
    assert over.treatment == Refuse(Reason.UPSTREAM_INVALID)


def test_any_other_answer_is_settled_by_its_head() -> None:
    """There is nothing to decide at its end."""
    for treatment in (Treatment.STREAM, Treatment.HOLD, Treatment.SWALLOW):
        answer, caller = reply(treatment, 400), FakeCaller()
        answer.take(b"{}")
        answer.settle()
        assert answer.treatment is treatment
        answer.finish(caller)
        assert caller.body == b"{}"
