"""The kubelet's probe, run in the console's pod: exits 1 unless the console answers at its own address."""

import os
import sys
import urllib.request

SECONDS = 4


def main() -> None:
    """Ask `/healthz`, by a name that the console is known by. Nothing imported here takes long to start."""
    port = os.environ.get("CATDOG_PORT", "8080")
    host = os.environ.get("CATDOG_HOSTS", "localhost").partition(",")[0].strip()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/healthz", headers={"Host": host})
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SECONDS).close()
    except OSError as error:
        sys.exit(f"the console does not answer at port {port}: {error}")


if __name__ == "__main__":
    main()
