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

QUIET_SECONDS = 4.0  # without a write, in which an operator is taken to be at rest
MOST_WRITES = (
    12  # until it comes to rest, once all is as it should be: of a status that tells of pods that go
)


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

    async def await_rest(self, most: int = MOST_WRITES) -> None:
        """Return when the operator has written nothing for a while: an absence, which nothing tells of.

        Raises:
            AssertionError: it wrote more than `most` times before.
        """
        first = len(self.proxy.writes)
        before = -1
        while before != len(self.proxy.writes):
            before = len(self.proxy.writes)
            written = self.proxy.writes[first:]
            assert len(written) <= most, "no rest:\n" + "\n".join(map(str, written))
            await asyncio.sleep(QUIET_SECONDS)

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
        try:
            environment = await asyncio.to_thread(write_environment, cluster, proxy.url, directory, settings)
            async with _kept(Lane(proxy, OperatorProcess(environment, directory / "operator.log"))) as opened:
                yield opened
        finally:
            await proxy.end()


@contextlib.asynccontextmanager
async def _kept(opened: Lane) -> AsyncIterator[Lane]:
    keeping = asyncio.create_task(opened.keep())
    try:
        yield opened
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        opened.operator.kill()
        await opened.operator.ended()
