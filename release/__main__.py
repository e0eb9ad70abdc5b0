"""Makes parts of a release: `python -m release bundle|sbom|images`."""

import argparse
import platform
import sys

from release.bundle import BUNDLE, product_version, render, write_bundle
from release.images import BUILD, DEFAULT_BASE, publish
from release.sbom import write_sboms
from release.service_version import Release
from tests.cluster.cache import REPOSITORY, say
from tests.cluster.commands import CommandError

# As images name what the machine calls otherwise.
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def main() -> int:
    """Run a command; return the process's exit code."""
    options = _parse()
    try:
        options.run(options)
    except (CommandError, LookupError, ValueError) as error:
        say(f"✗ {error}")
        return 1
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("bundle", help="make the OLM bundle of the repository")
    command.set_defaults(run=_bundle)
    command = commands.add_parser("sbom", help="write what packages each image installs")
    command.set_defaults(run=_sbom)
    command = commands.add_parser("images", help="build images and bundle, and push them to a registry")
    command.add_argument("--registry", required=True, help="where to push, like quay.io/you")
    command.add_argument("--base", default=DEFAULT_BASE, help=f"{DEFAULT_BASE}, or `local` for one made here")
    command.add_argument("--platforms", help="linux/amd64,linux/arm64; by default this machine's")
    command.add_argument("--source", default="", help="URL of the repository, for the bundle")
    command.set_defaults(run=_images)
    return parser.parse_args()


def _bundle(_: argparse.Namespace) -> None:
    write_bundle(BUNDLE, render(), Release(product_version(), ["amd64"], ""))
    say(f"✓ {BUNDLE.relative_to(REPOSITORY)}")


def _sbom(_: argparse.Namespace) -> None:
    for path in write_sboms(BUILD / "sbom"):
        say(f"✓ {path.relative_to(REPOSITORY)}")


def _images(options: argparse.Namespace) -> None:
    platforms = (options.platforms or _own_platform()).split(",")
    for reference in publish(options.registry, options.base, platforms, options.source):
        print(reference)
    say(f"✓ oc apply -k {(BUILD / 'install').relative_to(REPOSITORY)}")


def _own_platform() -> str:
    return f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}"


if __name__ == "__main__":
    sys.exit(main())
