"""What a local cluster could leave on its host."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

State = dict[str, frozenset[str]]

_CGROUPS = Path("/sys/fs/cgroup")


def host_state(others: frozenset[int]) -> State:
    """Return what there is on the host, by kind.

    Left out is what comes and goes: threads of the kernel, and the descendants of `others`.
    """
    pids = _pids_without(others)
    looks: dict[str, Callable[[], list[str]]] = {
        "processes": lambda: [f"{pid} {command}" for pid in pids if (command := _read(pid, "cmdline"))],
        "namespaces": lambda: [namespace for pid in pids for namespace in _namespaces(pid)],
        "mounts": lambda: Path("/proc/self/mountinfo").read_text().splitlines(),
        "links": lambda: _answer("ip", "-oneline", "link"),
        "addresses": lambda: _answer("ip", "-oneline", "address"),
        "routes": lambda: _answer("ip", "route", "show", "table", "all"),
        "rules": _packet_filter_rules,
        "cgroups": lambda: [str(path) for path in _CGROUPS.glob("**/catdog-*")],
    }
    return {kind: frozenset(look()) for kind, look in looks.items()}


def of_cluster(number: int, things: frozenset[str]) -> frozenset[str]:
    """Return those that are named after a cluster's number: links, and what refers to them, and cgroups."""
    name = re.compile(rf"\bcatdog-?{number}\b")
    return frozenset(thing for thing in things if name.search(thing))


def of_no_cluster(things: frozenset[str]) -> frozenset[str]:
    """Return those that are not named after any cluster."""
    return frozenset(thing for thing in things if not re.search(r"\bcatdog-?\d+\b", thing))


def other_processes() -> frozenset[int]:
    """Return the processes that run now, but for this one and its ancestors.

    What descends from them later (a compiler, say, or another cluster's pods) is not this process' doing.
    """
    parents = _parents()
    return frozenset(parents.keys() - _line_of(os.getpid(), parents))


def _pids_without(others: frozenset[int]) -> list[int]:
    parents = _parents()
    return [pid for pid in parents if not others & _line_of(pid, parents)]


def _parents() -> dict[int, int]:
    return {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdecimal()}


def _line_of(pid: int, parents: Mapping[int, int]) -> set[int]:
    line = set()
    while pid:
        line.add(pid)
        pid = parents.get(pid, 0)
    return line


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


def _namespaces(pid: int) -> list[str]:
    try:
        return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/ns").iterdir()]
    except OSError:  # it has ended meanwhile
        return []


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}", name).read_text().replace("\0", " ").strip()
    except OSError:  # it has ended meanwhile
        return ""


def _packet_filter_rules() -> list[str]:
    lines: list[str] = []
    for program in ("iptables-save", "ip6tables-save"):
        if shutil.which(program):
            lines += _answer(program)
    return [re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#")]


def _answer(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
