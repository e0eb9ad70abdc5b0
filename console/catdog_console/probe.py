"""Asks the console whether it lives, for the kubelet: it listens where only the pod itself reaches it."""

import http.client
import os
import sys

_TIMEOUT_SECONDS = 5


def main() -> None:
    """Exit with 0 if it answers."""
    port = int(os.environ.get("CATDOG_PORT", "8080"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except OSError as error:
        sys.exit(f"the console does not answer at port {port}: {error}")
    finally:
        connection.close()
    if status != http.client.OK:
        sys.exit(f"the console answers with status {status}")


if __name__ == "__main__":
    main()
