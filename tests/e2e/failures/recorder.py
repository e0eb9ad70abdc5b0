"""Writes down every status that models go through, to be asked afterwards whether a condition flapped."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.cluster.instance import Instance
from tests.e2e.models import NAMESPACE, condition

LINE = 'jsonpath={.metadata.name}{" "}{.status}{"\\n"}'


@dataclass(frozen=True)
class Recorder:
    """What kubectl has told so far, a line for each status."""

    file: Path

    def conditions(self, model: str, kind: str) -> list[tuple[str, str, str]]:
        """Return a condition's (status, reason, message) in the order of their coming, each change once."""
        whole, _, _ = self.file.read_text().rpartition("\n")  # kubectl may be writing the next
        lines = (line.partition(" ") for line in whole.splitlines())
        statuses = (json.loads(status) for name, _, status in lines if name == model and status)
        return [each for each, _ in groupby(condition(status, kind) for status in statuses)]


@contextmanager
def recording(cluster: Instance, file: Path) -> Iterator[Recorder]:
    """Record the statuses of all models."""
    kubectl = [str(cluster.kubectl_path), "--kubeconfig", str(cluster.kubeconfig)]
    watch = ["get", "catdogmodels", "-n", NAMESPACE, "--watch", "-o", LINE]
    with (
        file.open("wb") as output,
        subprocess.Popen([*kubectl, *watch], stdout=output) as process,
    ):
        try:
            yield Recorder(file)
        finally:
            process.terminate()
