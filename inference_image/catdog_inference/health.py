"""Says by HTTP whether the worker is ready and whether it must be restarted; shows metrics and reports."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import monotonic

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from catdog_inference.metrics import Metrics
from catdog_inference.reports import Reports
from catdog_inference.waiting import Trouble

# Decoding and predicting one batch takes a second or two; with hardly any processor, perhaps a minute.
STUCK_SECONDS = 300.0

# The kubelet may take a minute to bring a new certificate or password, and a broker may restart meanwhile.
PATIENCE_SECONDS = 90.0


class Health:
    """What the kubelet's probes ask for.

    Ready is what a rollout waits for: the first join; a later rebalance is everyday life. It is taken back
    while Kafka can't be used: at once before the worker has ever been at work, else after some patience.
    And for a moment, where there is something that the operator should hear of (see BadRun).
    Alive fails only where work that needs nobody else does not end; a slow or absent broker is no reason.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._works = 0  # in hand
        self._progress = clock()  # when the last one ended, or the first began
        self.model_loaded = False
        self.joined = False
        self.settled = False  # has read from Kafka without a trouble
        self.troubles: Sequence[Trouble] = ()
        self.call: Callable[[], str | None] = lambda: None

    @property
    def unready_because(self) -> str | None:
        """Why the worker is not ready, or None if it is."""
        if not self.model_loaded:
            return "the model is not loaded yet"
        if not self.joined:
            return "the consumer group is not joined yet"
        patience = PATIENCE_SECONDS if self.settled else 0.0
        lasting = (trouble.reason_after(patience) for trouble in self.troubles)
        return next(filter(None, lasting), None) or self.call()

    @property
    def alive(self) -> bool:
        """Whether there is no work in hand, or some of it ended less than `STUCK_SECONDS` ago."""
        return self._works == 0 or self._clock() - self._progress < STUCK_SECONDS

    @contextmanager
    def working(self) -> Iterator[None]:
        """Mark work that depends on nobody else, though it may wait its turn for a thread."""
        if self._works == 0:
            self._progress = self._clock()
        self._works += 1
        try:
            yield
        finally:
            self._works -= 1
            self._progress = self._clock()


@asynccontextmanager
async def serve_http(health: Health, metrics: Metrics, reports: Reports, port: int) -> AsyncIterator[None]:
    """Answer `/healthz`, `/readyz`, `/metrics` and `/reports` while the context lasts."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok") if health.alive else _unavailable("a batch does not end")

    async def readyz(_: web.Request) -> web.Response:
        reason = health.unready_because
        return _unavailable(reason) if reason else web.Response(text="ok")

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.add_routes(
        [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", show_metrics),
            web.get("/reports/{digest}/{file}", reports.hand_out, allow_head=False),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, port=port).start()
        yield
    finally:
        await runner.cleanup()
        reports.close()


def _unavailable(reason: str) -> web.Response:
    return web.Response(status=503, text=reason)
