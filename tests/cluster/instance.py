"""Brings local clusters up and takes them away: the door for commands, the demo and tests."""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.cluster import host
from tests.cluster.cache import REPOSITORY, Cache, default_cache, digest_of, locked, progress, remove, say
from tests.cluster.host import Processes
from tests.cluster.images import Image, import_images, remove_older_images
from tests.cluster.install import (
    PRODUCT_CRDS,
    STRIMZI_CRDS,
    apply_crds,
    apply_kafka,
    apply_operator,
    await_kafka,
    await_operator,
    strimzi_stand_in,
    write_commands,
)
from tests.cluster.layout import Layout
from tests.cluster.node_config import NODE, write_control_plane_config, write_node_config
from tests.cluster.node_programs import api_server_programs, node_programs
from tests.cluster.node_spec import NodeSpec, Program, write_node_spec
from tests.cluster.packages import API_SERVER_PACKAGES, install_packages
from tests.cluster.parts import Parts, make_parts
from tests.cluster.programs import build_kubernetes
from tests.cluster.state import Instance, Record
from tests.cluster.waiting import PATIENCE_SECONDS, await_answer, await_socket

__all__ = ["Instance", "down", "find_instances", "lanes_of", "up", "up_api_server"]

# What stays when a cluster goes: the images, which take long to bring in, and what its programs said.
_KEPT = ("containerd", "logs")


def up(
    name: str,
    *,
    with_kafka: bool = True,
    with_operator: bool = True,
    operator_settings: Mapping[str, str] | None = None,
) -> Instance:
    """Bring the cluster `name` up, as far as it is not, with the present code's images, and await that.

    An operator needs Kafka; `operator_settings` are variables of its environment.

    Raises:
        CommandError: a program failed, or something was not ready in time.
    """
    instance = Instance(name, default_cache())
    with locked(instance.state_dir.parent / f"{name}.lock"):
        parts = make_parts(instance.cache, with_kafka=with_kafka, with_product=with_operator)
        was_running = instance.is_running
        try:
            _bring_up(instance, parts, with_kafka=with_kafka)
            if with_kafka:
                _install(instance, operator_settings or {}, with_operator=with_operator)
        except KeyboardInterrupt:
            if not was_running:
                _take_down(instance)
            raise
    return instance


def up_api_server(name: str, *, with_crds: bool = True) -> Instance:
    """Bring up, as far as it is not, a cluster without a node: an API server that stores what it is told.

    It has the controllers that clean up, but none that makes a pod, and needs no image.

    Raises:
        CommandError: a program failed, or something was not ready in time.
    """
    instance = Instance(name, default_cache())
    with locked(instance.state_dir.parent / f"{name}.lock"):
        install_packages(instance.cache, API_SERVER_PACKAGES)
        kubernetes = build_kubernetes(instance.cache)
        was_running = instance.is_running
        try:
            if not was_running:
                _take_down(instance)  # what one that was killed has left
                with progress(f"starting the API server of {instance.name}"):
                    _start_api_server(instance, kubernetes)
                    _await_api_server(instance.layout)
            _await_api_server(instance.layout)
            if with_crds:
                apply_crds(instance, PRODUCT_CRDS, STRIMZI_CRDS)
        except KeyboardInterrupt:
            if not was_running:
                _take_down(instance)
            raise
    return instance


def down(name: str) -> None:
    """Take the cluster `name` away, whatever is left of it; its images stay in the cache."""
    instance = Instance(name, default_cache())
    with locked(instance.state_dir.parent / f"{name}.lock"):
        _take_down(instance)


def find_instances(cache: Cache) -> list[Instance]:
    """Return every instance that is up or has left something."""
    records = (cache.root / "instances").glob("*/instance.json")
    return [Instance(record.parent.name, cache) for record in sorted(records)]


def lanes_of(name: str, cache: Cache) -> list[Instance]:
    """Return the cluster `name` and those of its lanes, `name`-gw0 and so on, as far as they are there."""
    pattern = re.compile(rf"{re.escape(name)}(-gw\d+)?")
    return [instance for instance in find_instances(cache) if pattern.fullmatch(instance.name)]


def _bring_up(instance: Instance, parts: Parts, *, with_kafka: bool) -> None:
    specification = digest_of([], str(parts.kubernetes), str(parts.coredns), str(with_kafka))
    if not instance.is_running:
        _take_down(instance)  # what a node that was killed has left
        with progress(f"starting the node of {instance.name}"):
            _start(instance, parts, specification, with_kafka=with_kafka)
            _await_node(instance, parts.pause)
    else:
        if instance.known.specification != specification:
            say(f"· {instance.name} runs other programs than the present: `make down` first to change them")
        # Whoever started it may have been stopped before it was ready.
        _await_node(instance, parts.pause)
    import_images(list(parts.images.values()), instance.layout.containerd_socket)
    references = {name: image.reference for name, image in parts.images.items()}
    instance.write_record(msgspec.structs.replace(instance.known, images=instance.known.images | references))


def _start(instance: Instance, parts: Parts, specification: str, *, with_kafka: bool) -> None:
    layout = _reserve(instance, specification)
    layout.volumes_dir.mkdir(exist_ok=True)
    write_node_config(layout, parts.pause.reference)
    programs = node_programs(layout, parts.kubernetes, parts.coredns)
    if with_kafka:
        programs.append(strimzi_stand_in(layout, parts.images["catdog-kafka"].reference))
    _run(instance, parts.kubernetes, programs)
    await_socket(layout.containerd_socket, PATIENCE_SECONDS)
    remove_older_images(list(parts.images.values()), layout.containerd_socket)


def _start_api_server(instance: Instance, kubernetes: Path) -> None:
    layout = _reserve(instance, digest_of([], str(kubernetes), "without a node"))
    _run(instance, kubernetes, api_server_programs(layout, kubernetes))


def _reserve(instance: Instance, specification: str) -> Layout:
    """Reserve addresses, and write what every cluster needs."""
    with locked(instance.state_dir.parent / "numbers.lock"):
        reserved = {other.known.number for other in find_instances(instance.cache)}
        instance.write_record(Record(host.free_number(reserved), specification=specification))
    layout = instance.layout
    for directory in (layout.node_dir, layout.logs_dir):
        directory.mkdir(exist_ok=True)
    write_control_plane_config(layout)
    return layout


def _run(instance: Instance, kubernetes: Path, programs: list[Program]) -> None:
    """Start the programs in namespaces of their own."""
    layout, record = instance.layout, instance.known
    write_commands(instance.state_dir / "bin", kubernetes / "kubectl")
    spec_file = layout.node_dir / "node.json"
    write_node_spec(spec_file, _node_spec(layout, programs))

    def remember(processes: Processes) -> None:
        instance.write_record(msgspec.structs.replace(record, processes=processes))

    host.start(layout, spec_file, remember)


def _await_node(instance: Instance, pause: Image) -> None:
    layout = instance.layout
    import_images([pause], layout.containerd_socket)
    _await_api_server(layout)
    for condition in ("create", "condition=Ready"):
        instance.kubectl("wait", f"node/{NODE}", f"--for={condition}", "--timeout=240s")
    await_answer(layout.dns_ready, PATIENCE_SECONDS)


def _await_api_server(layout: Layout) -> None:
    await_answer(f"{layout.api_server}/readyz", PATIENCE_SECONDS, _authority(layout))


def _node_spec(layout: Layout, programs: list[Program]) -> NodeSpec:
    return NodeSpec(
        address=f"{layout.node_address}/{layout.link_network.prefixlen}",
        api_server=layout.api_server,
        authority=str(_authority(layout)),
        directory=str(layout.node_dir),
        logs=str(layout.logs_dir),
        seen=[str(REPOSITORY), str(layout.state_dir.parents[1])],
        programs=programs,
    )


def _authority(layout: Layout) -> Path:
    return layout.node_dir / "pki" / "ca.crt"


def _install(instance: Instance, operator_settings: Mapping[str, str], *, with_operator: bool) -> None:
    with progress("installing Kafka and the operator" if with_operator else "installing Kafka"):
        apply_kafka(instance)
        if with_operator:
            apply_operator(instance, operator_settings)
            await_operator(instance)
        await_kafka(instance)


def _take_down(instance: Instance) -> None:
    if instance.record is None:
        return
    host.stop(instance.layout, instance.known.processes)
    for path in instance.state_dir.iterdir():
        if path.name not in (*_KEPT, "instance.json"):
            remove(path)
    instance.forget()  # at last: an end that was interrupted is taken up again
