"""Brings local clusters up and takes them away: the door for commands, the demo and tests."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.cluster import host
from tests.cluster.cache import REPOSITORY, Cache, default_cache, digest_of, locked, progress, remove, say
from tests.cluster.host import Processes
from tests.cluster.images import Image, import_images, remove_older_images
from tests.cluster.install import (
    apply_kafka,
    apply_operator,
    await_kafka,
    await_operator,
    strimzi_stand_in,
    write_commands,
)
from tests.cluster.layout import Layout
from tests.cluster.node_config import NODE, write_config
from tests.cluster.node_programs import node_programs
from tests.cluster.node_spec import NodeSpec, write_node_spec
from tests.cluster.parts import Parts, make_parts
from tests.cluster.state import Instance, Record
from tests.cluster.waiting import await_answer, await_socket

__all__ = ["Instance", "down", "find_instances", "up"]

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


def down(name: str) -> None:
    """Take the cluster `name` away, whatever is left of it; its images stay in the cache."""
    instance = Instance(name, default_cache())
    with locked(instance.state_dir.parent / f"{name}.lock"):
        _take_down(instance)


def find_instances(cache: Cache) -> list[Instance]:
    """Return every instance that is up or has left something."""
    records = (cache.root / "instances").glob("*/instance.json")
    return [Instance(record.parent.name, cache) for record in sorted(records)]


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
    with locked(instance.state_dir.parent / "numbers.lock"):
        reserved = {other.known.number for other in find_instances(instance.cache)}
        record = Record(host.free_number(reserved), specification=specification)
        instance.write_record(record)
    layout = instance.layout
    for directory in (layout.node_dir, layout.logs_dir, layout.volumes_dir):
        directory.mkdir(exist_ok=True)
    write_config(layout, parts.pause.reference)
    write_commands(instance.state_dir / "bin", parts.kubernetes / "kubectl")
    spec_file = layout.node_dir / "node.json"
    write_node_spec(spec_file, _node_spec(layout, parts, with_kafka=with_kafka))

    def remember(processes: Processes) -> None:
        instance.write_record(msgspec.structs.replace(record, processes=processes))

    host.start(layout, spec_file, remember)
    await_socket(layout.containerd_socket, 30)
    remove_older_images(list(parts.images.values()), layout.containerd_socket)


def _await_node(instance: Instance, pause: Image) -> None:
    layout = instance.layout
    import_images([pause], layout.containerd_socket)
    await_answer(f"{layout.api_server}/readyz", 60, _authority(layout))
    for condition in ("create", "condition=Ready"):
        instance.kubectl("wait", f"node/{NODE}", f"--for={condition}", "--timeout=60s")
    await_answer(layout.dns_ready, 60)


def _node_spec(layout: Layout, parts: Parts, *, with_kafka: bool) -> NodeSpec:
    programs = node_programs(layout, parts.kubernetes, parts.coredns)
    if with_kafka:
        programs.append(strimzi_stand_in(layout, parts.images["catdog-kafka"].reference))
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
