"""What the local cluster takes from Debian."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.cluster.cache import Cache, locked, progress
from tests.cluster.commands import CommandError, run

API_SERVER_PACKAGES = (
    "etcd-server",
    "iproute2",
)
NODE_PACKAGES = (
    *API_SERVER_PACKAGES,
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "iptables",
    "kmod",
    "runc",
)
IMAGE_PACKAGES = (
    "buildah",
    "busybox-static",
    "ca-certificates",
    "debootstrap",
    "libfaketime",  # for an operator whose clock is wrong
    "fonts-noto-color-emoji",  # what demo and tests draw with, where there are no photos
    "maven",
    "openjdk-17-jre-headless",
)
# What clients of other makes are, or need.
CLIENT_PACKAGES = ("kcat", "maven", "openjdk-17-jre-headless")

# A browser for the tests of the console, and what it writes with.
BROWSER_PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core", "fonts-noto-color-emoji")

# Debian asks this program whether a package's service may be started; 101 is "no".
# https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
_POLICY = Path("/usr/sbin/policy-rc.d")
_REFUSAL = "#!/bin/sh\n# The packages of a local cluster: their services are not wanted.\nexit 101\n"


def install_packages(cache: Cache, packages: Sequence[str] = (*NODE_PACKAGES, *IMAGE_PACKAGES)) -> None:
    """Install those of the packages that are missing; no service is started by it."""
    with locked(cache.root / "packages.lock"):
        missing = [package for package in packages if not _is_installed(package)]
        if missing:
            with progress(f"installing {', '.join(missing)} from Debian"), _services_refused():
                run("apt-get", "-qq", "update")
                _install(missing)


def debian_mirror(suite: str) -> str:
    """Return where this machine's apt finds a suite of Debian.

    Raises:
        LookupError: it finds it nowhere.
    """
    return _mirror_in_lists(suite) or _mirror_after_update(suite)


def apt_proxy() -> dict[str, str]:
    """Return the environment that leads other programs to the proxy that apt is configured for, if it is."""
    words = run("apt-config", "shell", "proxy", "Acquire::http::Proxy").strip()
    return {"http_proxy": words.removeprefix("proxy=").strip("'")} if words else {}


def _mirror_after_update(suite: str) -> str:
    run("apt-get", "-qq", "update")
    if mirror := _mirror_in_lists(suite):
        return mirror
    raise LookupError(f"apt's sources have no Debian {suite}, which the images are made from")


def _mirror_in_lists(suite: str) -> str | None:
    lists = run(
        "apt-get",
        "indextargets",
        "--format",
        "$(ORIGIN) $(CODENAME) $(COMPONENT) $(SITE)",
        "Created-By: Packages",
    )
    for line in lists.splitlines():
        *release, site = line.split(" ")
        if release == ["Debian", suite, "main"]:
            return site
    return None


def _is_installed(package: str) -> bool:
    try:
        return run("dpkg-query", "--show", "--showformat=${db:Status-Status}", package) == "installed"
    except CommandError:  # dpkg has never heard of it
        return False


def _install(packages: list[str]) -> None:
    options = ("-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
    run("apt-get", "install", *options, *packages, env={"DEBIAN_FRONTEND": "noninteractive"})


@contextlib.contextmanager
def _services_refused() -> Iterator[None]:
    if _POLICY.exists() and _POLICY.read_text() != _REFUSAL:
        yield  # the machine has a policy of its own
        return
    _POLICY.write_text(_REFUSAL)
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
