"""The environment that Ray Serve must be started in. It reads these variables when it is imported."""

import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil  # type: ignore[import-untyped]

#: Every process of a server carries its run folder in this variable.
OWNER = "WINNOW_RUN"
#: Replicas that take HTTP from HAProxy; one port each.
_REPLICA_PORTS = 32


def tuned(run_folder: Path, cores: int) -> dict[str, str]:
    """Variables for one server of its own, beside any others on the machine.

    Args:
        run_folder: short path for HAProxy's files and sockets (a socket's path has at most 107 bytes).
        cores: of this machine.
    """
    return PERFORMANCE | {
        "RAY_SERVE_HAPROXY_NBTHREAD": str(max(1, cores // 8)),
        **_haproxy_files(run_folder),
        **_ports(),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        # A server that is told to stop need not wait for other nodes' proxies to hear of it.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
        "PROMETHEUS_MULTIPROC_DIR": str(run_folder / "metrics"),
        OWNER: str(run_folder),
        **_no_proxy(),
    }


#: What makes Serve fast, with the effect measured in docs/decisions. A cluster's nodes need the same.
PERFORMANCE: dict[str, str] = {
    # HAProxy in front and replicas that serve HTTP themselves: 8 times the Python proxy.
    "RAY_SERVE_ENABLE_HA_PROXY": "1",
    # User code and router on the replica's main loop, buffered request log, gRPC between replicas: twice that.
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # Metrics are pushed to an agent that nobody scrapes here; Winnow has its own.
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    # Ray takes its workers for batch jobs and steps them back behind every other process of the machine.
    "RAY_worker_niceness": "0",
    # The clients of a cluster, like `serve deploy`, send the token that its nodes ask for.
    "RAY_AUTH_MODE": "token",
}


def _no_proxy() -> dict[str, str]:
    """gRPC between replicas would go through the machine's HTTP proxy, were its own addresses not named."""
    named = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    own = [a.address for each in psutil.net_if_addrs().values() for a in each if a.family == socket.AF_INET]
    value = ",".join(filter(None, (named, "localhost", *own)))
    return {"no_proxy": value, "NO_PROXY": value}


def _haproxy_files(folder: Path) -> dict[str, str]:
    return {
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "server-state"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics.sock"),
    }


def _ports() -> dict[str, str]:
    stats, metrics, fallback, fallback_grpc = free_ports(4)
    http = free_block(_REPLICA_PORTS)
    grpc = free_block(_REPLICA_PORTS, avoid=range(http, http + _REPLICA_PORTS))
    return {
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        # Where HAProxy sends what no replica takes. On one port for all, servers would answer each other's requests.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(fallback_grpc),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(http),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(http + _REPLICA_PORTS - 1),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(grpc),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(grpc + _REPLICA_PORTS - 1),
    }


def free_ports(count: int) -> list[int]:
    """Ports that nothing listened on a moment ago, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def free_block(count: int, avoid: range = range(0)) -> int:
    """First port of `count` neighbours that are free; random, so that two servers starting at once differ."""
    for start in _candidates(count):
        block = range(start, start + count)
        if not set(block) & set(avoid) and all(is_free(port) for port in block):
            return start
    raise OSError(f"no {count} neighbouring ports are free")


def _candidates(count: int) -> Iterator[int]:
    for _ in range(200):
        yield 20_000 + int.from_bytes(os.urandom(2)) % (11_000 - count)


def is_free(port: int) -> bool:
    """Whether a server could listen on this port, on every interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True
