"""The node's first process: in namespaces of its own it starts the node's programs, and again what died.

When it ends, by whatever signal, the kernel ends everything in its namespaces, and they go.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.node_spec import NodeSpec, Program, read_node_spec
from tests.cluster.root import own_root
from tests.cluster.waiting import answers

LINK = "uplink"

_ENDING = (signal.SIGTERM, signal.SIGINT)
_COVERED = (Path("/run"), Path("/var/lib"), Path("/var/log"))
_PAUSE_SECONDS = 1.0  # before a program that died is started again
_LOOK_SECONDS = 0.1  # between two looks at what has no event


@dataclass
class Supervisor:
    """Starts a node's programs and reaps every process that ends in its namespaces."""

    spec: NodeSpec
    running: dict[int, Program] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)  # program → when to start it
    api_is_ready: bool = False

    def run(self) -> None:
        """Return when told to end."""
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD, *_ENDING))
        self.due = {program.name: 0.0 for program in self.spec.programs}
        while True:
            self._start_what_is_due()
            # With nothing to start there is nothing to look at, and a signal says when that changes.
            received = signal.sigtimedwait((signal.SIGCHLD, *_ENDING), _LOOK_SECONDS if self.due else 3600)
            if received is not None and received.si_signo in _ENDING:
                return
            self._reap()

    def _start_what_is_due(self) -> None:
        for program in self.spec.programs:
            if self.due.get(program.name, float("inf")) > time.monotonic():
                continue
            if program.needs_api and not self._api_answers():
                continue
            del self.due[program.name]
            self.running[_spawn(program, self.spec)] = program

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if program := self.running.pop(pid, None):
                code = os.waitstatus_to_exitcode(status)
                _log(f"{program.name} ended with exit code {code}; starting it again")
                self.due[program.name] = time.monotonic() + _PAUSE_SECONDS

    def _api_answers(self) -> bool:
        if not self.api_is_ready:
            self.api_is_ready = answers(f"{self.spec.api_server}/readyz", Path(self.spec.authority))
            if self.api_is_ready:
                _log("the API server is ready")
        return self.api_is_ready


def main() -> None:
    """Say that the namespaces are there, await that the host has linked them, and be the node."""
    spec = read_node_spec(Path(sys.argv[1]))
    os.write(sys.stdout.fileno(), b"!")
    if not os.read(sys.stdin.fileno(), 1):
        return  # whoever wanted the node is gone
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    own_root()
    _cover(_COVERED, [Path(path) for path in spec.seen])
    _bring_up_network(spec)
    os.chdir(spec.directory)
    Supervisor(spec).run()


def _cover(directories: tuple[Path, ...], seen: list[Path]) -> None:
    """Cover directories of the host by empty ones, so that what is left there goes with the namespace."""
    handles = [os.open(path, os.O_PATH) for path in seen]
    for directory in directories:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", directory], check=True)
    for path, handle in zip(seen, handles, strict=True):
        if any(path.is_relative_to(directory) for directory in directories):
            path.mkdir(parents=True)
            source = f"/proc/{os.getpid()}/fd/{handle}"
            subprocess.run(["mount", "--rbind", source, path], check=True)
        os.close(handle)
    for name in ("netns", "lock"):
        Path("/run", name).mkdir()


def _bring_up_network(spec: NodeSpec) -> None:
    for command in (
        "link set lo up",
        f"address add {spec.address} dev {LINK}",
        f"link set {LINK} up",
        # Without a route the node's own programs cannot even begin to reach a Service's address.
        f"route add default dev {LINK}",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _spawn(program: Program, spec: NodeSpec) -> int:
    log = Path(spec.logs, f"{program.name}.log")
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    return os.posix_spawnp(
        program.argv[0],
        program.argv,
        {**os.environ, **program.env},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsigmask=(),
        setpgroup=0,
    )


def _log(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
