"""Logs as one JSON object a line on standard output, without payloads."""

import logging
import sys
import time

import structlog
from typing_extensions import override

_REPEAT_SECONDS = 60.0
_REMEMBERED = 1000


class RepeatFilter(logging.Filter):
    """Lets a line through once a minute: without a broker aiokafka writes it several times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[tuple[str, str], float] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        line, now = (record.name, record.getMessage()), time.monotonic()
        if now - self._shown.get(line, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return False
        if len(self._shown) >= _REMEMBERED:
            self._shown.clear()
        self._shown[line] = now
        return True


def configure_logging() -> None:
    """Send structlog's events and those of the libraries to standard output, alike."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(RepeatFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.dict_tracebacks,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
