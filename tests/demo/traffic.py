"""Sends photos at a steady rate while something else happens, and keeps every answer with its time."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from tests.cluster.waiting import PATIENCE_SECONDS
from tests.demo.terminal import Terminal


@dataclass(frozen=True)
class Arrival:
    """One line of `catdog send --output json`, and when it came."""

    time: datetime
    answer: dict[str, Any]


@dataclass
class SteadyTraffic:
    """A running `catdog send --rate --repeat --wait`; leave the context to stop it and await what is due."""

    process: subprocess.Popen[str]
    arrivals: list[Arrival] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ended: bool = False
    _reader: threading.Thread = field(init=False)

    @classmethod
    def start(cls, terminal: Terminal, photos: str, rate: int) -> "SteadyTraffic":
        """Start sending `photos` (a shell pattern), `rate` of them a second, over and over."""
        command = f"catdog send --rate {rate} --repeat --wait --output json {photos}"
        patient = command.replace("--wait", f"--wait --timeout={PATIENCE_SECONDS:.0f}")
        return cls(terminal.start(patient, shown=f"{command} &"))

    def __enter__(self) -> Self:
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self._reader.join()
        self.process.__exit__(None, None, None)

    def answers_of(self, version: int) -> list[Arrival]:
        """Return the answers that `version` has given so far."""
        return [arrival for arrival in list(self.arrivals) if arrival.answer.get("version") == version]

    def wait_until(self, holds: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait until `holds()` is true after some arrival.

        Raises:
            TimeoutError: it was not so within `timeout` seconds, or the sender ended before.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: holds() or self._ended, timeout) or not holds():
                raise TimeoutError(
                    f"{what} did not happen within {timeout:.0f} s ({len(self.arrivals)} answers)"
                )

    def stop(self) -> int:
        """Stop sending, await the answers that are due, and return the sender's exit code."""
        self.process.send_signal(signal.SIGINT)
        exit_code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join()
        return exit_code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.arrivals.append(Arrival(datetime.now(UTC), json.loads(line)))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
