"""Makes parts of a release: `python -m release bundle|sbom`."""

import argparse
import sys

from release.bundle import BUNDLE, product_version, render, write_bundle
from release.sbom import write_sboms
from release.service_version import Release
from tests.cluster.cache import REPOSITORY, say
from tests.cluster.commands import CommandError

SBOMS = REPOSITORY / "build" / "sbom"


def main() -> int:
    """Run a command; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    parser.add_argument("part", choices=["bundle", "sbom"])
    options = parser.parse_args()
    try:
        if options.part == "bundle":
            write_bundle(BUNDLE, render(), Release(product_version()))
            say(f"✓ {BUNDLE.relative_to(REPOSITORY)}")
        else:
            for path in write_sboms(SBOMS):
                say(f"✓ {path.relative_to(REPOSITORY)}")
    except (CommandError, LookupError, ValueError) as error:
        say(f"✗ {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
