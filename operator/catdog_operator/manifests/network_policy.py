"""What the network lets a model's pods do: trainers reach photos, workers Kafka, and are asked."""

import re

from catdog_operator.manifests.common import Manifest, build_labels, build_owner
from catdog_operator.manifests.kafka_topic import CLUSTER_LABEL
from catdog_operator.manifests.pod import HTTP_PORT
from catdog_operator.resource import CatDogModel
from catdog_operator.views import MODEL_LABEL

NAME_LABEL = "strimzi.io/name"
# Policies see the port of the pod that answers; the DNS pods of OpenShift listen on 5353.
DNS_PORTS = (53, 5353)
NODE_PORTS = range(30000, 32768)  # Kubernetes' default for Services of type NodePort
IN_CLUSTER = re.compile(r"[^.]+\.(?P<namespace>[^.]+)\.svc(\..+)?")
# As the schema has it; not urlsplit, which raises where a port or an address is none.
ENDPOINT = re.compile(r"(?P<scheme>https?)://(?P<host>\[[^]]*\]|[^:/]*)(:(?P<port>[0-9]+))?/?")
SCHEME_PORTS = {"http": 80, "https": 443}


def build_training_policy(model: CatDogModel, bootstrap_servers: str | None = None) -> Manifest:
    """Return the policy of a model's trainers: metrics may be read, and photos are reached.

    Claims are mounted by the node.

    `bootstrap_servers` is where Kafka is, as far as that is known.
    """
    selector = {"matchLabels": {"app.kubernetes.io/component": "training", MODEL_LABEL: model.name}}
    dataset, egress = model.spec.training.dataset, list[Manifest]()
    if dataset.s3:
        egress = [_allow_dns(), _allow_s3(dataset.s3.endpoint)]
    elif dataset.kafka and bootstrap_servers is not None:
        egress = [_allow_dns(), *_allow_kafka(model, bootstrap_servers)]
    rules: Manifest = {"ingress": [{"ports": [_tcp(HTTP_PORT)]}]} | ({"egress": egress} if egress else {})
    return _build_policy(model, "training", selector, rules)


def build_inference_policy(model: CatDogModel, bootstrap_servers: str) -> Manifest:
    """Return the policy of a model's workers and of its shadow, which needs the same.

    `bootstrap_servers` is host:port, or more with commas.
    """
    rules = {
        "ingress": [{"ports": [_tcp(HTTP_PORT)]}],
        "egress": [_allow_dns(), *_allow_kafka(model, bootstrap_servers)],
    }
    selector: Manifest = {
        "matchLabels": {MODEL_LABEL: model.name},
        "matchExpressions": [
            {"key": "app.kubernetes.io/component", "operator": "In", "values": ["inference", "shadow"]}
        ],
    }
    return _build_policy(model, "inference", selector, rules)


def _build_policy(model: CatDogModel, component: str, selector: Manifest, rules: Manifest) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{model.name}-{component}",
            "namespace": model.namespace,
            "labels": build_labels(model, component),
            "ownerReferences": [build_owner(model)],
        },
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],  # what no rule allows is denied
            **rules,
        },
    }


def _allow_dns() -> Manifest:
    # To any address: a node's own cache of names is in no pod.
    return {
        "ports": [{"protocol": protocol, "port": port} for port in DNS_PORTS for protocol in ("UDP", "TCP")]
    }


def _allow_s3(endpoint: str) -> Manifest:
    if (url := ENDPOINT.fullmatch(endpoint)) is None:
        raise AssertionError(f"{endpoint} is no endpoint by the schema")
    if (inside := IN_CLUSTER.fullmatch(url["host"].lower())) is not None:
        # Policies see the port of the pod that answers, and a Service does not tell it to those who ask.
        namespace = {"matchLabels": {"kubernetes.io/metadata.name": inside["namespace"]}}
        return {"to": [{"namespaceSelector": namespace}]}
    return {"ports": _outside_ports({int(url["port"] or SCHEME_PORTS[url["scheme"]])})}


def _allow_kafka(model: CatDogModel, bootstrap_servers: str) -> list[Manifest]:
    addresses = [server.strip().rpartition(":") for server in bootstrap_servers.split(",")]
    inside = {int(port) for host, _, port in addresses if IN_CLUSTER.fullmatch(host)}
    outside = {int(port) for host, _, port in addresses if not IN_CLUSTER.fullmatch(host)}
    if (
        strimzi := model.spec.kafka.strimzi
    ) is None:  # where its brokers run is not known, but at which ports
        return [{"ports": _outside_ports(inside | outside)}]
    # Strimzi's labels of brokers; other pods of the cluster have another name.
    labels = {CLUSTER_LABEL: strimzi.name, NAME_LABEL: f"{strimzi.name}-kafka"}
    brokers: Manifest = {"podSelector": {"matchLabels": labels}}
    if strimzi.namespace:
        brokers["namespaceSelector"] = {"matchLabels": {"kubernetes.io/metadata.name": strimzi.namespace}}
    if not outside:
        return [{"to": [brokers], "ports": [_tcp(port) for port in sorted(inside)]}]
    # An address outside the pod network can lead back to the brokers' pods, at a port that it does not tell.
    return [{"ports": _outside_ports(outside)}, {"to": [brokers]}]


def _outside_ports(ports: set[int]) -> list[Manifest]:
    # Every broker has a node port of its own, of which the bootstrap servers' is but one.
    node_ports = [_tcp(NODE_PORTS[0]) | {"endPort": NODE_PORTS[-1]}] if ports & set(NODE_PORTS) else []
    return [_tcp(port) for port in sorted(ports - set(NODE_PORTS))] + node_ports


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}
