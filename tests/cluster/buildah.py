"""Builds images with buildah, in a storage of the cache's own: the person's is not touched."""

import contextlib
import os
import shutil
import ssl
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.commands import CommandError, run
from tests.cluster.packages import apt_proxy

_BUNDLE_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"
_PIP_SETTINGS = ("index-url", "extra-index-url", "timeout", "retries", "trusted-host")


@dataclass(frozen=True)
class Buildah:
    """One storage of images."""

    storage: Path

    def build(
        self,
        context: Path,
        containerfile: Path,
        reference: str,
        arguments: Mapping[str, str],
        platform: str | None = None,
    ) -> None:
        """Build an image and name it `reference`.

        What the machine trusts, and its ways to registries, are lent to the build and stay out of the image.
        Steps for a `platform` (linux/arm64) that is not the machine's own need a kernel that runs programs of
        that one (binfmt_misc, qemu).

        Raises:
            CommandError: the build failed.
        """
        build_arguments = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        with tempfile.TemporaryDirectory() as home:
            configuration = Path(home, ".config", "pip", "pip.conf")
            configuration.parent.mkdir(parents=True)
            configuration.write_text(_pip_configuration())
            # A mount leaves its place behind in the image: so it is one that every image has.
            lent = [f"--volume={home}:/root"]
            if bundle := certificate_bundle():
                lent.append(f"--volume={bundle}:{_BUNDLE_IN_IMAGE}:ro")
            if platform:
                lent.append(f"--platform={platform}")
            # On `scratch`, so without arguments, buildah 1.28 takes layers again that were made for another
            # platform, and so the whole image.
            layers = ("--layers",) if arguments else ()
            self.run("build", *layers, *build_arguments, *lent, "-f", containerfile, "-t", reference, context)

    def list_images(self, reference: str, images: Sequence[str]) -> None:
        """Make a list of images, such as are for several platforms, and name it `reference`."""
        with contextlib.suppress(CommandError):  # there is none yet
            self.run("manifest", "rm", reference)
        self.run("manifest", "create", reference, *images)

    def save(self, reference: str, archive: Path) -> None:
        """Write an image to an OCI archive, under its name."""
        partial = archive.with_suffix(".tar")  # buildah adds to an archive that is there
        partial.unlink(missing_ok=True)
        self.run("push", "--quiet", reference, f"oci-archive:{partial}:{reference}")
        partial.rename(archive)

    def push(self, reference: str) -> str:
        """Push an image to the registry that its name says, and return its digest."""
        return self._push(reference, "push")

    def push_list(self, reference: str) -> str:
        """Push a list of images with all images in it, and return the list's digest.

        Raises:
            CommandError: it was not pushed.
        """
        digest = self._push(reference, "manifest", "push", "--all", "--format", "oci")
        if not digest:  # buildah 1.28 says so only with --log-level debug, and ends with exit code 0
            raise CommandError(
                f"buildah could not push the list {reference}: is the registry reached by https?"
            )
        return digest

    def _push(self, reference: str, command: str, *options: str) -> str:
        with tempfile.NamedTemporaryFile("r") as digest:
            self.run(command, *options, "--digestfile", digest.name, reference, f"docker://{reference}")
            return digest.read().strip()

    def run(self, command: str, *arguments: str | Path) -> str:
        """Run a command of buildah; mounts that it leaves are its own and go with it."""
        alone = ("unshare", "--mount", "--propagation", "private")
        storage = (
            "--root",
            self.storage / "root",
            "--runroot",
            self.storage / "run",
            "--storage-driver",
            "overlay",
        )
        isolation = {"BUILDAH_ISOLATION": "chroot", **apt_proxy()}
        return run(*alone, "buildah", *storage, command, *arguments, env=isolation)


def certificate_bundle() -> Path | None:
    """Return the file of the certificates that this machine trusts, if it has one."""
    # A proxy that opens TLS has a CA of its own, which the machine trusts and the image does not know.
    named = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or _BUNDLE_IN_IMAGE
    return Path(named) if Path(named).is_file() else None


def _pip_configuration() -> str:
    """Return the machine's own settings of pip, as far as they tell where packages come from."""
    listed = run(sys.executable, "-m", "pip", "config", "list").splitlines()
    settings = dict(line.split("=", maxsplit=1) for line in listed)
    lines = ["[global]", f"cert = {_BUNDLE_IN_IMAGE}"]
    for name in _PIP_SETTINGS:
        # What the environment says goes before what files say, as it does for pip.
        for source in (":env:", "global"):
            if value := settings.get(f"{source}.{name}"):
                lines.append(f"{name} = {value.strip(chr(39))}")
                break
    return "\n".join([*lines, ""])


def copy_into(context: Path, repository: Path, paths: tuple[str, ...]) -> None:
    """Copy these paths of the repository, and nothing else, to the same places in `context`."""
    for name in paths:
        source, target = repository / name, context / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
