"""The host's side of a node: its process, its link and routes, its cgroup; and the end of them."""

import ipaddress
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from tests.cluster import cgroups
from tests.cluster.cache import REPOSITORY
from tests.cluster.commands import CommandError, environment, run
from tests.cluster.layout import NUMBERS, Layout
from tests.cluster.supervisor import LINK

_NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts")


class Processes(msgspec.Struct, frozen=True):
    """The two processes of a node that the host knows by number; all others are in the node's namespaces."""

    unshare: int
    supervisor: int
    started: str  # when the supervisor started, in the kernel's ticks: numbers come again


def free_number(reserved: Collection[int]) -> int:
    """Return a number, none of the reserved, whose names and addresses nothing on this host uses.

    Raises:
        RuntimeError: there is none.
    """
    links = _links()
    routes = [route["dst"] for route in json.loads(run("ip", "-json", "route", "show", "table", "all"))]
    taken = [ipaddress.ip_network(route, strict=False) for route in routes if route != "default"]
    for number in NUMBERS:
        layout = Layout(Path(), number)
        overlapping = any(network.version == 4 and network.overlaps(layout.network) for network in taken)
        if number not in reserved and layout.link not in links and not overlapping:
            return number
    raise RuntimeError(f"none of the {len(NUMBERS)} address ranges for local clusters is free on this host")


def start(layout: Layout, spec: Path, record: Callable[[Processes], None]) -> None:
    """Start the node's supervisor in new namespaces, and link them to the host.

    The processes are recorded before the node begins: whoever is killed here leaves none that nobody knows.
    """
    cgroups.make(layout.cgroup)
    with _spawned(layout, spec) as unshare:
        run("ip", "link", "add", layout.link, "type", "veth", "peer", "name", LINK, "netns", str(unshare))
        run(
            "ip",
            "address",
            "add",
            f"{layout.host_address}/{layout.link_network.prefixlen}",
            "dev",
            layout.link,
        )
        run("ip", "link", "set", layout.link, "up")
        for network in (layout.pod_network, layout.service_network):
            run("ip", "route", "add", str(network), "via", layout.node_address)
        supervisor = int(Path(f"/proc/{unshare}/task/{unshare}/children").read_text())
        record(Processes(unshare, supervisor, _start_time(supervisor) or ""))


def is_running(processes: Processes) -> bool:
    """Whether the node's first process is there."""
    return _start_time(processes.supervisor) == processes.started


def stop(layout: Layout, processes: Processes | None) -> None:
    """End the node, as far as it is still there, and await that all of it is gone."""
    if processes is not None:
        _kill(processes)
    if layout.link in _links():
        try:
            run("ip", "link", "delete", layout.link)  # and with it the routes
        except CommandError:
            if layout.link in _links():
                raise  # else it has gone meanwhile, with the node's end of it
    cgroups.remove(layout.cgroup)


def _links() -> set[str]:
    return {link["ifname"] for link in json.loads(run("ip", "-json", "link"))}


@contextmanager
def _spawned(layout: Layout, spec: Path) -> Iterator[int]:
    """Give the number of the process with the new namespaces; its child goes on when the block ends well."""
    ready, says_ready = os.pipe()
    awaits_go, go = os.pipe()
    log = str(layout.logs_dir / "supervisor.log")
    own = {"PYTHONPATH": str(REPOSITORY)}
    argv = [
        *(
            "setsid",
            "unshare",
            *_NAMESPACES,
            "--fork",
            "--kill-child",
            "--propagation",
            "private",
            "--mount-proc",
        ),
        *(sys.executable, "-m", "tests.cluster.supervisor", str(spec)),
    ]
    actions = [
        (os.POSIX_SPAWN_DUP2, awaits_go, 0),
        (os.POSIX_SPAWN_DUP2, says_ready, 1),
        (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
    ]
    pid = os.posix_spawnp("setsid", argv, environment(own), file_actions=actions)
    os.close(says_ready)
    os.close(awaits_go)
    try:
        if not os.read(ready, 1):
            os.waitpid(pid, 0)
            raise RuntimeError(f"the node's supervisor did not start: {Path(log).read_text()[-2000:]}")
        yield pid
        os.write(go, b"!")
    finally:
        os.close(ready)
        os.close(go)


def _kill(processes: Processes) -> None:
    if is_running(processes):
        gone = os.pidfd_open(processes.supervisor)
        signal.pidfd_send_signal(gone, signal.SIGKILL)
        # The first process of a namespace has ended when all others in it have.
        select.select([gone], [], [])
        os.close(gone)
    with suppress(ChildProcessError):
        os.waitpid(processes.unshare, 0)


def _start_time(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return stat.rpartition(")")[2].split()[19]
