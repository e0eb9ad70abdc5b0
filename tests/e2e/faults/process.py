"""The operator as a process of the host, with its service account's rights, behind a proxy."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.cluster.cache import REPOSITORY
from tests.cluster.instance import Instance
from tests.e2e.conftest import OPERATOR_NAMESPACE, OPERATOR_SETTINGS

TOKEN_HOURS = 6


@dataclass
class OperatorProcess:
    """One operator, which can be killed and started again."""

    environment: Mapping[str, str]
    log: Path
    starts: int = 0
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """The number of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it; what it says goes to the end of its log."""
        command = (sys.executable, "-m", "catdog_operator")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.starts += 1

    def kill(self) -> None:
        """End it as a machine's power failure would."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def ended(self) -> int:
        """Return the exit code when it has ended."""
        assert self._process is not None
        return await self._process.wait()


def operator_environment(cluster: Instance, server: str, directory: Path, **more: str) -> dict[str, str]:
    """Return the environment of an operator that finds the API server at `server`."""
    kubeconfig = directory / "kubeconfig"
    write_kubeconfig(kubeconfig, server, _token(cluster))
    return {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
        "PYTHONPATH": os.pathsep.join(str(REPOSITORY / part) for part in ("operator", "common")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "KUBECONFIG": str(kubeconfig),
        "RELATED_IMAGE_TRAINER": cluster.images["catdog-trainer"],
        "RELATED_IMAGE_INFERENCE": cluster.images["catdog-inference"],
        "CATDOG_HTTP_PORT": str(_free_port()),
        **OPERATOR_SETTINGS,
        **more,
    }


def write_kubeconfig(path: Path, server: str, token: str) -> None:
    """Write a kubeconfig for a bearer's token."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "catdog", "cluster": {"server": server}}],
        "users": [{"name": "operator", "user": {"token": token}}],
        "contexts": [{"name": "catdog", "context": {"cluster": "catdog", "user": "operator"}}],
        "current-context": "catdog",
    }
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)


@contextlib.asynccontextmanager
async def running(operator: OperatorProcess) -> AsyncIterator[OperatorProcess]:
    """Run an operator until the block ends."""
    await operator.start()
    try:
        yield operator
    finally:
        operator.kill()
        await operator.ended()


def _token(cluster: Instance) -> str:
    account = ("catdog-operator", "-n", OPERATOR_NAMESPACE)
    return cluster.kubectl("create", "token", *account, f"--duration={TOKEN_HOURS}h").strip()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
