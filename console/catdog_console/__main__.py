"""The console's process: reads the environment and serves until a signal ends it."""

import os
import sys

import structlog
import uvicorn

from catdog_common.environment import read_environment
from catdog_console.app import create_app
from catdog_console.config import Config

log = structlog.get_logger()


def main() -> None:
    """Run the console until SIGTERM or SIGINT."""
    try:
        config = read_environment(Config, os.environ)
    except ValueError as error:
        log.error("the console can't start", error=str(error))  # noqa: TRY400  the message says it all
        sys.exit(1)
    uvicorn.run(create_app(config), host=config.host, port=config.port, server_header=False, access_log=False)


if __name__ == "__main__":
    main()
