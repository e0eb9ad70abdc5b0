"""Strikes a pod's network, with the host's tools in the pod's network namespace."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


@contextmanager
def cut_off(process: int, addresses: Sequence[str]) -> Iterator[None]:
    """Drop all that comes from these addresses to the pod of a process, as a broken line does."""
    rules = [("INPUT", "--source", address, "--jump", "DROP") for address in addresses]
    for rule in rules:
        _in_network_of(process, "iptables", "--wait", "--insert", *rule)
    try:
        yield
    finally:
        for rule in rules:
            _in_network_of(process, "iptables", "--wait", "--delete", *rule)


@contextmanager
def slow(process: int, rate: str) -> Iterator[None]:
    """Let the pod of a process send no faster than this, such as `1mbit`."""
    device = ("dev", "eth0", "root")
    _in_network_of(
        process, "tc", "qdisc", "add", *device, "tbf", "rate", rate, "burst", "16kb", "latency", "1s"
    )
    try:
        yield
    finally:
        _in_network_of(process, "tc", "qdisc", "delete", *device)


def _in_network_of(process: int, *command: str) -> None:
    subprocess.run(("nsenter", "--target", str(process), "--net", *command), check=True, capture_output=True)
