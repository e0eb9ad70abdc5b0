"""Runs the machine's programs; one that fails says what it was and what it said."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_LINES_OF_A_FAILURE = 25

# A shell's PATH need not have what root needs.
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandError(Exception):
    """A program failed; the message has the end of its output."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment, with root's programs on the PATH, and `extra`."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}", **(extra or {})}


def run(
    *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, stdin: str | None = None
) -> str:
    """Run a program to its end and return what it wrote to its standard output.

    Raises:
        CommandError: its exit code was not 0.
    """
    done = subprocess.run(
        argv,
        env=environment(env),
        cwd=cwd,
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()[-_LINES_OF_A_FAILURE:]
        command = " ".join(str(word) for word in argv)
        raise CommandError("\n".join([f"exit code {done.returncode}: {command}", *said]))
    return done.stdout
