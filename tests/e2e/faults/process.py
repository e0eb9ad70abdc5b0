"""The operator as a process of the host that may die at any time, also before it is ready."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.instance import Instance
from tests.cluster.operator_process import free_port, operator_environment, write_operator_kubeconfig
from tests.e2e.conftest import OPERATOR_SETTINGS


@dataclass
class OperatorProcess:
    """One operator, which can be killed and started again."""

    environment: Mapping[str, str]
    log: Path
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def start(self) -> None:
        """Start it; what it says goes to the end of its log."""
        command = (sys.executable, "-m", "catdog_operator")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self.environment, cwd=self.log.parent, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it as a power failure would."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def ended(self) -> int:
        """Return the exit code when it has ended."""
        assert self._process is not None
        return await self._process.wait()


def write_environment(
    cluster: Instance, server: str, directory: Path, settings: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of an operator that is told of the API server by a file in `directory`."""
    kubeconfig = directory / "kubeconfig"
    write_operator_kubeconfig(cluster, kubeconfig, server)
    return operator_environment(cluster, kubeconfig, free_port()) | OPERATOR_SETTINGS | dict(settings)
