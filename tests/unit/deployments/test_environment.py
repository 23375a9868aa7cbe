"""Ports and paths of servers that share a machine."""

import socket
from pathlib import Path

from deployments.environment import free_block, free_ports, is_free, tuned


def test_free_ports_differ_and_are_free():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)


def test_a_port_that_somebody_listens_on_is_not_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert not is_free(listener.getsockname()[1])


def test_a_block_avoids_what_it_is_told_to():
    first = free_block(32)
    second = free_block(32, avoid=range(first, first + 32))
    assert not set(range(first, first + 32)) & set(range(second, second + 32))


def test_two_servers_share_neither_ports_nor_files():
    one, two = tuned(Path("/tmp/one"), 2), tuned(Path("/tmp/two"), 2)
    private = [name for name in one if "PORT" in name or one[name].startswith("/")]
    assert len(private) >= 10
    assert all(one[name] != two[name] for name in private if name in two)


def test_sockets_fit_into_the_kernels_limit():
    assert all(len(value) < 100 for value in tuned(Path("/tmp/winnow-0123456789ab"), 64).values())
