"""What the connections of a listener share."""

import time

import pytest

from proxy.http1.server import Server
from tests.fakes import FakeClock
from tests.unit.http1.fakes import AT_ONCE, LIMITS, FakeHandler


class FakeMember:
    """A connection, as the server sees it."""

    def __init__(self, server: Server, deadline: float = float("inf"), *, busy: bool = False) -> None:
        """Join `server`."""
        self.deadline = deadline
        self.busy = busy
        self.told: list[str] = []
        self._server = server
        server.connections.add(self)

    def expire(self) -> None:
        """See `Connection.expire`. The connection is gone by then, as one that is aborted soon is."""
        self.told.append("expire")
        self._server.lost(self)

    def close(self) -> None:
        """See `Connection.close`."""
        self.told.append("close")

    def shut_down(self) -> None:
        """See `Connection.shut_down`."""
        self.told.append("shut_down")


def make() -> tuple[Server, FakeClock]:
    """Return a server, and the clock it reads."""
    clock = FakeClock()
    return Server(FakeHandler(), LIMITS, clock, AT_ONCE), clock


def test_a_tick_expires_whose_deadline_has_passed() -> None:
    """Each of them once, and nobody else; they may leave the server meanwhile."""
    server, clock = make()
    due = [FakeMember(server, clock.now + 1) for _ in range(3)]
    later = FakeMember(server, clock.now + 10)
    never = FakeMember(server)
    clock.advance(2)
    server.tick()
    assert [member.told for member in (*due, later, never)] == [["expire"]] * 3 + [[], []]
    assert server.connections == {later, never}


def test_a_tick_keeps_the_date() -> None:
    """Answers carry the date of their tenth of a second (RFC 9110 section 6.6.1)."""
    server, clock = make()
    assert server.date == b"Date: Thu, 01 Jan 1970 00:16:40 GMT\r\n"
    clock.advance(1)
    server.tick()
    assert server.date == b"Date: Thu, 01 Jan 1970 00:16:41 GMT\r\n"


def test_ten_thousand_idle_connections_cost_little() -> None:
    """A tick over all of them takes a fraction of a millisecond; ten times that is allowed to a busy machine."""
    server, _ = make()
    for _ in range(10_000):
        FakeMember(server)
    fastest = float("inf")
    for _ in range(20):
        begin = time.perf_counter()
        server.tick()
        fastest = min(fastest, time.perf_counter() - begin)
    assert fastest < 0.005


def test_what_is_held_is_bounded() -> None:
    """Up to `inflight_bytes` and not a byte more; what is let go makes room (promise G12)."""
    server, _ = make()
    assert server.hold(LIMITS.inflight_bytes - 1)
    assert not server.hold(2)
    assert server.hold(1)
    assert not server.hold(1)
    server.let_go(10)
    assert server.hold(10)
    assert server.held_bytes == LIMITS.inflight_bytes


def test_the_drain_closes_idle_connections_and_waits_for_busy_ones() -> None:
    """`empty` is set when the last of them is gone."""
    server, _ = make()
    idle, busy = FakeMember(server), FakeMember(server, busy=True)
    assert server.busy == 1
    server.drain()
    assert (idle.told, busy.told, server.draining) == (["close"], [], True)
    server.lost(idle)
    assert not server.empty.is_set()
    server.lost(busy)
    assert server.empty.is_set()


def test_the_drain_of_a_server_without_connections_is_over_at_once() -> None:
    """Nothing is waited for."""
    server, _ = make()
    server.drain()
    assert server.empty.is_set()


def test_losing_connections_is_not_the_end_before_the_drain() -> None:
    """A server that has just been left by everyone goes on."""
    server, _ = make()
    member = FakeMember(server)
    server.lost(member)
    server.lost(member)
    assert not server.empty.is_set()


@pytest.mark.parametrize("busy", [True, False])
def test_shutting_down_reaches_every_connection(busy: bool) -> None:  # noqa: FBT001  # a parameter
    """Busy or not."""
    server, _ = make()
    member = FakeMember(server, busy=busy)
    server.shut_down()
    assert member.told == ["shut_down"]


def test_what_is_left_in_the_end_is_cut_off() -> None:
    """Whoever has not closed by then."""
    server, _ = make()
    members = [FakeMember(server) for _ in range(3)]
    server.cut_off()
    assert [member.told for member in members] == [["expire"]] * 3
    assert not server.connections
