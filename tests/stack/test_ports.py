"""Ports: chosen, refused, kept."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.data_dir import ports
from infra.stack.errors import TakenError


def _port_with_a_free_neighbour() -> int:
    """Outside of the range of outgoing connections: there the neighbour may be taken at any moment."""
    while True:
        port = ports.any_free(set())
        if ports.is_free(port - 1):
            return port


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every real server does
        server.bind((ports.HOST, _port_with_a_free_neighbour()))
        server.listen()
        yield server


def test_a_port_with_a_listener_is_not_free(listener: socket.socket) -> None:
    assert not ports.is_free(listener.getsockname()[1])


def test_a_port_whose_server_just_left_is_free(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with socket.create_connection((ports.HOST, port)):
        connection, _ = listener.accept()
        connection.close()  # the server's side closes first and lingers
    listener.close()
    assert ports.is_free(port)


def test_zero_picks_free_ports_for_all_outside_of_the_outgoing_range(tmp_path: Path) -> None:
    chosen = ports.choose(tmp_path / "ports.json", 0)
    assert sorted(chosen) == sorted(ports.NAMES)
    assert len(set(chosen.values())) == len(ports.NAMES)
    assert all(port in ports.FREE_RANGE for port in chosen.values())


def test_a_given_port_is_the_apis_and_the_others_follow_it(tmp_path: Path) -> None:
    base = ports.any_free(set())
    chosen = ports.choose(tmp_path / "ports.json", base)
    assert chosen["api"] == base
    assert all(base < port <= base + 2 * len(ports.NAMES) for port in chosen.values() if port != base)


def test_a_taken_port_among_the_following_ones_is_passed_over(tmp_path: Path, listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    chosen = ports.choose(tmp_path / "ports.json", taken - 1)
    assert taken not in chosen.values()


def test_a_taken_api_port_is_refused_by_name(tmp_path: Path, listener: socket.socket) -> None:
    taken = listener.getsockname()[1]
    with pytest.raises(TakenError, match=f"port {taken} is taken"):
        ports.choose(tmp_path / "ports.json", taken)
    assert not (tmp_path / "ports.json").exists()


@pytest.mark.parametrize("again", [None, 0])
def test_ports_stay_from_one_start_to_the_next(tmp_path: Path, again: int | None) -> None:
    file = tmp_path / "ports.json"
    first = ports.choose(file, 0)
    assert ports.choose(file, again) == first


def test_a_kept_port_that_another_took_is_replaced(tmp_path: Path, listener: socket.socket) -> None:
    file = tmp_path / "ports.json"
    first = ports.choose(file, 0)
    file.write_text(json.dumps({**first, "sandbox": listener.getsockname()[1]}))
    second = ports.choose(file, 0)
    assert second["sandbox"] != listener.getsockname()[1]
    assert {name: port for name, port in second.items() if name != "sandbox"} == {
        name: port for name, port in first.items() if name != "sandbox"
    }


@pytest.mark.parametrize("content", ["", "[]", '{"api": "x"}', '{"api": null}', "\x00"])
def test_a_broken_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "ports.json").write_text(content)
    assert sorted(ports.choose(tmp_path / "ports.json", 0)) == sorted(ports.NAMES)


def test_a_port_is_taken_by_another_than_the_one_that_listens(listener: socket.socket) -> None:
    """Who hangs on its own port is ended; who lacks its port because of another is let be."""
    port = listener.getsockname()[1]
    assert not ports.taken_by_another(os.getpid(), port)
    assert ports.taken_by_another(os.getppid(), port)
    listener.close()
    assert not ports.taken_by_another(os.getppid(), port), "nobody has it"
