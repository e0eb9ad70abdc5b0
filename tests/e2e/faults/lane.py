"""An operator of its own for one model, behind a proxy of its own, started again whenever it ends."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.instance import Instance
from tests.e2e.faults.process import OperatorProcess, write_environment
from tests.e2e.faults.proxy import Moment, Proxy, Strike, upstream


@dataclass
class Lane:
    """What one life runs in."""

    proxy: Proxy
    operator: OperatorProcess
    exit_codes: list[int] = field(default_factory=list)

    def strike_at(self, n: int, moment: Moment) -> None:
        """Let the operator be killed at its n-th write."""
        self.proxy.strike = Strike(n, moment, self.operator.kill)

    async def keep(self) -> None:
        """Start the operator, and again whenever it has ended, without end."""
        while True:
            await self.operator.start()
            self.exit_codes.append(await self.operator.ended())

    async def await_rest(self, seconds: float) -> None:
        """Return when the operator has written nothing for so long: an absence, which nothing tells of."""
        before = -1
        while before != len(self.proxy.writes):
            before = len(self.proxy.writes)
            await asyncio.sleep(seconds)

    async def assert_rest(self, seconds: float) -> None:
        """Fail where the operator writes anything for so long: an absence, which nothing tells of."""
        before = len(self.proxy.writes)
        await asyncio.sleep(seconds)
        assert self.proxy.writes[before:] == []

    def assert_only_killed(self) -> None:
        """Fail where the operator ended by itself."""
        assert set(self.exit_codes) <= {-signal.SIGKILL}, f"exit codes {self.exit_codes}: {self.operator.log}"


@contextlib.asynccontextmanager
async def lane(
    cluster: Instance, directory: Path, model: str | None = None, **settings: str
) -> AsyncIterator[Lane]:
    """Run an operator that is shown one model alone, or all, until the block ends."""
    context = ssl.create_default_context(cafile=cluster.layout.node_dir / "pki" / "ca.crt")
    async with upstream(cluster.layout.api_server, context) as session:
        proxy = Proxy(session, model)
        await proxy.come()
        environment = await asyncio.to_thread(write_environment, cluster, proxy.url, directory, settings)
        opened = Lane(proxy, OperatorProcess(environment, directory / "operator.log"))
        keeping = asyncio.create_task(opened.keep())
        try:
            yield opened
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            opened.operator.kill()
            await opened.operator.ended()
            await proxy.end()
