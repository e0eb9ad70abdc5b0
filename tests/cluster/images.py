"""The images: what each is made from, and its making where it is not made yet."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.buildah import Buildah, copy_into
from tests.cluster.cache import REPOSITORY, Cache, digest_of, progress, say
from tests.cluster.commands import run
from tests.cluster.kafka_image import prepare as prepare_kafka_context
from tests.cluster.packages import debian_mirror

# The release whose python3 is 3.11.
_SUITE = "bookworm"
_BASE_PACKAGES = "ca-certificates,python3,python3-venv"
_PAUSE = 'FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox", "sleep", "infinity"]\n'


@dataclass(frozen=True)
class ImageSource:
    """An image that is built from the repository, and from nothing in it but these paths."""

    name: str
    containerfile: str
    paths: tuple[str, ...]

    def key(self, base: str) -> str:
        """Return what changes with the image's content."""
        return digest_of([REPOSITORY / path for path in (self.containerfile, *self.paths)], base)

    def fill_context(self, context: Path) -> None:
        """Put into a directory all that the build may see."""
        copy_into(context, REPOSITORY, self.paths)
        shutil.copy2(REPOSITORY / self.containerfile, context / "Containerfile")


PRODUCT_IMAGES = (
    ImageSource(
        "catdog-operator",
        "operator/Containerfile",
        ("requirements/operator.txt", "common/catdog_common", "operator/catdog_operator"),
    ),
    ImageSource(
        "catdog-inference",
        "inference_image/Containerfile",
        ("requirements/inference.txt", "common/catdog_common", "inference_image/catdog_inference"),
    ),
    ImageSource(
        "catdog-console",
        "console/Containerfile",
        (
            "requirements/console.txt",
            "common/catdog_common",
            "client/catdog_client",
            "console/catdog_console",
        ),
    ),
    ImageSource(
        "catdog-trainer",
        "trainer_image/Containerfile",
        (
            "requirements/trainer.txt",
            "requirements/weights.txt",
            "common/catdog_common",
            "trainer_image/catdog_trainer",
        ),
    ),
)


@dataclass(frozen=True)
class Image:
    """An image that has been made."""

    name: str
    reference: str  # with a tag that changes with the content
    archive: Path  # OCI


@dataclass(frozen=True)
class ImageStore:
    """Makes images and keeps them as archives."""

    cache: Cache

    @property
    def buildah(self) -> Buildah:
        """The storage that images are built in."""
        return Buildah(self.cache.root / "buildah")

    def pause(self) -> Image:
        """Return what a pod's first container runs: a program that waits."""
        busybox = Path(shutil.which("busybox") or "/bin/busybox")
        key = digest_of([], _PAUSE, str(busybox.stat().st_size))

        def fill(context: Path) -> None:
            shutil.copy2(busybox, context / "busybox")
            (context / "Containerfile").write_text(_PAUSE)

        return self._make("catdog-pause", key, fill, {})

    def base(self) -> Image:
        """Return Debian with Python, made from Debian's packages."""
        key = digest_of([], _SUITE, _BASE_PACKAGES, "1")
        return self._make("catdog-base", key, _fill_base_context, {})

    def product(self, source: ImageSource) -> Image:
        """Return an image of the product, on our base."""
        base = self.base().reference
        return self._make(source.name, source.key(base), source.fill_context, {"BASE": base})

    def publish(self, source: ImageSource, registry: str, base: str, platforms: Sequence[str]) -> str:
        """Build an image of the product on any base (`local` is ours) and push it; return name and digest.

        Raises:
            CommandError: it could not be built, or the registry did not take it.
            ValueError: our own base is asked for on several platforms.
        """
        if base == "local" and len(platforms) > 1:
            raise ValueError("BASE=local is for one platform, this machine's: name no PLATFORMS, or no BASE")
        base = self.base().reference if base == "local" else base
        reference = f"{registry}/{source.name}:{source.key(base)}"
        return self._publish(reference, source.fill_context, {"BASE": base}, platforms)

    def publish_directory(self, directory: Path, reference: str, platforms: Sequence[str]) -> str:
        """Build an image of a directory that holds a Containerfile and push it; return name and digest.

        Raises:
            CommandError: it could not be built, or the registry did not take it.
        """

        def fill(context: Path) -> None:
            shutil.copytree(directory, context, dirs_exist_ok=True)

        return self._publish(reference, fill, {}, platforms)

    def _publish(
        self,
        reference: str,
        fill: Callable[[Path], None],
        arguments: dict[str, str],
        platforms: Sequence[str],
    ) -> str:
        name = reference.rpartition(":")[0]
        short = name.rpartition("/")[2]
        with progress(f"building and pushing {name}"):
            if len(platforms) == 1:
                self._build(short, fill, reference, arguments, platforms[0])
                return f"{name}@{self.buildah.push(reference)}"
            parts = {platform: f"{reference}-{platform.replace('/', '-')}" for platform in platforms}
            for platform, part in parts.items():
                self._build(short, fill, part, arguments, platform)
            self.buildah.list_images(reference, [*parts.values()])
            return f"{name}@{self.buildah.push_list(reference)}"

    def kafka(self) -> Image:
        """Return the Kafka broker's image, on our base."""
        base = self.base()
        key = digest_of([Path(__file__).parent / "kafka_image"], base.reference)

        def fill(context: Path) -> None:
            prepare_kafka_context(context, self.cache.root / "maven")

        return self._make("catdog-kafka", key, fill, {"BASE": base.reference})

    def _make(self, name: str, key: str, fill: Callable[[Path], None], arguments: dict[str, str]) -> Image:
        reference = f"localhost/{name}:{key}"

        def make(archive: Path) -> None:
            self._build(name, fill, reference, arguments)
            self.buildah.save(reference, archive)

        return Image(name, reference, self.cache.keep(name, key, f"building the image {name}", make))

    def _build(
        self,
        name: str,
        fill: Callable[[Path], None],
        reference: str,
        arguments: dict[str, str],
        platform: str | None = None,
    ) -> None:
        with tempfile.TemporaryDirectory(dir=self.cache.working_directory(name)) as directory:
            context = Path(directory)
            fill(context)
            self.buildah.build(context, context / "Containerfile", reference, arguments, platform)


def _fill_base_context(context: Path) -> None:
    root = context / "root"
    # What it mounts goes with the namespace, also if it is killed.
    alone = ("unshare", "--mount", "--propagation", "private")
    run(
        *alone,
        "debootstrap",
        "--variant=minbase",
        f"--include={_BASE_PACKAGES}",
        _SUITE,
        root,
        debian_mirror(_SUITE),
    )
    for leftover in ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(root / leftover, ignore_errors=True)
        (root / leftover).mkdir()
    run("tar", "--create", "--numeric-owner", "--file", context / "root.tar", "--directory", root, ".")
    shutil.rmtree(root)
    (context / "Containerfile").write_text('FROM scratch\nADD root.tar /\nCMD ["python3"]\n')


def import_images(images: Sequence[Image], socket: Path) -> None:
    """Give the images to a node's containerd, where it has not got them."""
    present = set(_ctr(socket, "images", "list", "--quiet").split())
    for image in images:
        if image.reference not in present:
            say(f"· importing {image.reference}")
            name = image.reference.partition(":")[0]
            _ctr(socket, "images", "import", "--base-name", name, str(image.archive))


def tag_image(socket: Path, reference: str, other: str) -> None:
    """Give an image of a node's containerd another name."""
    _ctr(socket, "images", "tag", "--force", reference, other)


def remove_older_images(images: Sequence[Image], socket: Path) -> None:
    """Remove what a node's containerd has of these images with other tags; nothing may need it any more."""
    wanted = {image.reference for image in images}
    names = {reference.partition(":")[0] for reference in wanted}
    for reference in _ctr(socket, "images", "list", "--quiet").split():
        if reference not in wanted and reference.partition(":")[0] in names:
            _ctr(socket, "images", "remove", reference)


def _ctr(socket: Path, *arguments: str) -> str:
    return run("ctr", "--address", socket, "--namespace", "k8s.io", *arguments)
