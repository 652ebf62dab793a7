"""Who waits too long, or is one too many, is shut down, whatever state it waits in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peterental.serving.limits import Limits, State
from peterental.serving.registry import Registry
from tests.serving.clients import Client, waiting

POST = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n"
WAITING = [state for state in State if state not in {State.CLOSED, State.QUEUED}]


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> Registry:
    return Registry(Limits(new=8, heads=8, bodies=8, sending=8, lingering=8, idle=8, unfinished_bytes=1000), clock)


@pytest.fixture
def clients() -> Iterator[list[Client]]:
    made: list[Client] = []
    yield made
    for client in made:
        client.close()


@pytest.mark.parametrize("state", WAITING)
def test_connections_end_at_their_deadline(
    registry: Registry, clock: Clock, clients: list[Client], state: State
) -> None:
    clients.append(client := waiting(registry, state))
    clock.now_s += Limits().seconds(state) - 0.5
    registry.sweep()
    assert registry.count(state) == 1
    clock.now_s += 1
    registry.sweep()
    assert registry.count(state) == 0
    assert client.is_shut_down()
    assert not registry.claim(client.connection), "the thread that gets its event closes it"


def test_dripping_bytes_do_not_extend_a_deadline(registry: Registry, clock: Clock, clients: list[Client]) -> None:
    clients.append(client := Client())
    state = State.NEW
    for byte in b"GET / HTT":
        registry.park(client.connection, state)
        clock.now_s += 1
        assert registry.claim(client.connection)
        state = client.connection.step() if client.sock.send(bytes([byte])) else State.CLOSED
    registry.park(client.connection, state)
    clock.now_s += 3
    registry.sweep()
    assert not registry.claim(client.connection)


def test_bodies_have_time_for_their_size(registry: Registry, clock: Clock, clients: list[Client]) -> None:
    clients.append(client := Client())
    assert client.step(POST + b"x" * 131_072) is State.BODY
    assert client.step() is State.BODY, "what came with the head, and the rest"
    client.connection.state = State.NEW
    registry._limits = Limits()
    registry.park(client.connection, State.BODY)
    clock.now_s += Limits().transfer_s + 1.5
    registry.sweep()
    assert registry.count(State.BODY) == 1, "2 seconds more for 128 KB"
    clock.now_s += 1
    registry.sweep()
    assert registry.count(State.BODY) == 0


def test_an_answered_request_begins_the_time_again(registry: Registry, clock: Clock, clients: list[Client]) -> None:
    clients.append(client := waiting(registry, State.IDLE))
    for _ in range(3):
        clock.now_s += 60
        assert registry.claim(client.connection)
        client.sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        registry.park(client.connection, client.connection.step())
        registry.sweep()
        assert registry.count(State.IDLE) == 1


@pytest.mark.parametrize("state", WAITING)
def test_the_oldest_of_a_state_makes_room(
    registry: Registry, clock: Clock, clients: list[Client], state: State
) -> None:
    for number in range(8):
        clients.append(waiting(registry, state, address=f"192.0.2.{number}"))
        clock.now_s += 0.01
    other = waiting(registry, State.NEW if state is not State.NEW else State.IDLE)
    clients.append(other)
    clients.append(newest := waiting(registry, state))
    assert [client.connection.is_expired for client in clients[:8]] == [True] + [False] * 7
    assert not newest.connection.is_expired
    assert not other.connection.is_expired, "another state has its own room"


def test_an_address_that_has_most_makes_room(registry: Registry, clock: Clock, clients: list[Client]) -> None:
    for address in ["192.0.2.1", "192.0.2.2"] + ["192.0.2.9"] * 7:
        clients.append(waiting(registry, State.HEAD, address=address))
        clock.now_s += 0.01
    assert [client.connection.is_expired for client in clients] == [False, False, True] + [False] * 6


def test_an_address_that_has_half_is_not_singled_out(clock: Clock, clients: list[Client]) -> None:
    registry = Registry(Limits(heads=7), clock)
    for address in ["192.0.2.1", *["192.0.2.9"] * 4, "192.0.2.2", "192.0.2.3", "192.0.2.4"]:
        clients.append(waiting(registry, State.HEAD, address=address))
        clock.now_s += 0.01
    assert [client.connection.is_expired for client in clients] == [True] + [False] * 7


def test_a_flood_is_shut_down_in_groups(clock: Clock, clients: list[Client]) -> None:
    registry = Registry(Limits(new=32), clock)
    for _ in range(33):
        clients.append(waiting(registry, State.NEW))
        clock.now_s += 0.01
    assert registry.count(State.NEW) == 31


@pytest.mark.parametrize("state", [State.NEW, State.IDLE, State.HEAD])
def test_a_request_on_its_way_survives_a_flood(
    registry: Registry, clock: Clock, clients: list[Client], state: State
) -> None:
    clients.append(call := waiting(registry, state))
    call.sock.send(b"POST /vapi/webhook HTTP/1.1\r\n")
    clock.now_s += 1
    clients.extend(waiting(registry, state) for _ in range(20))
    assert not call.is_shut_down()
    assert registry.count(state) <= 8


def test_unfinished_bodies_share_a_bound(registry: Registry, clock: Clock, clients: list[Client]) -> None:
    for _ in range(3):
        client = Client()
        clients.append(client)
        client.step(POST + b"x" * 400)
        registry.park(client.connection, State.BODY)
        clock.now_s += 0.01
    assert [client.connection.is_expired for client in clients] == [True, False, False]
    assert registry.claim(clients[1].connection)
    clients.append(waiting(registry, State.BODY))
    assert not clients[2].connection.is_expired, "a claimed one does not count"


def test_large_bodies_are_served_in_turn(registry: Registry, clients: list[Client]) -> None:
    first, second, third, small = (Client() for _ in range(4))
    clients += [first, second, third, small]
    assert registry.begin_large(first.connection)
    assert not registry.begin_large(second.connection)
    assert not registry.begin_large(third.connection)
    assert registry.end_large(small.connection) is None
    assert registry.end_large(first.connection) is second.connection
    assert registry.end_large(second.connection) is third.connection
    assert registry.end_large(third.connection) is None
    assert registry.begin_large(first.connection)


def test_without_descriptors_the_least_needed_is_closed(registry: Registry, clients: list[Client]) -> None:
    registry.evict()
    by_need = (State.SENDING, State.BODY, State.IDLE, State.HEAD, State.NEW, State.LINGERING)
    clients.extend(waiting(registry, state) for state in by_need)
    for client in reversed(clients):
        registry.evict()
        assert client.connection.is_expired


def test_a_stopping_worker_gives_idle_clients_little_time(
    registry: Registry, clock: Clock, clients: list[Client]
) -> None:
    clients.append(waiting(registry, State.IDLE))
    clients.append(waiting(registry, State.BODY))
    registry.stop()
    clients.append(waiting(registry, State.IDLE))
    clock.now_s += Limits().linger_s + 0.1
    registry.sweep()
    assert [client.connection.is_expired for client in clients] == [True, False, True]


def test_a_client_that_left_may_be_shut_down(registry: Registry, clock: Clock, clients: list[Client]) -> None:
    clients.append(client := waiting(registry, State.NEW))
    client.connection.sock.close()
    clock.now_s += 100
    registry.sweep()
    assert client.connection.is_expired


def test_addresses_of_unix_sockets_are_empty(clients: list[Client]) -> None:
    clients.append(client := Client())
    assert client.connection.address == "192.0.2.1"
    client.connection.peer = ""
    assert client.connection.address == ""
