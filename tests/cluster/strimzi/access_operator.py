"""Makes of a KafkaAccess a Secret with all that a client needs, in the KafkaAccess's own namespace.

Strimzi docs: README of github.com/strimzi/kafka-access-operator, "Using the Access Operator": how a listener
is chosen, what is in the Secret, what it is called, and where the status names it. Conditions, owner and
labels are in its KafkaAccessReconciler, what it looks again for in its KafkaAccessMapper.
"""

from collections.abc import Mapping, Sequence

import msgspec

from tests.cluster.strimzi.controller import Key
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import condition, secret, secret_data, status_of
from tests.cluster.strimzi.spec import Listener, Settings

SECRET_TYPE = "servicebinding.io/kafka"  # noqa: S105 - no secret
MANAGED_BY = "app.kubernetes.io/managed-by"
ACCESS_OPERATOR = "kafka-access-operator"
KAFKA_USER = ("KafkaUser", "kafka.strimzi.io")
# Each entry under the names that the Service Binding specification, Quarkus and Spring have for it.
SERVERS = ("bootstrap.servers", "bootstrapServers", "bootstrap-servers")
PROTOCOL = ("security.protocol", "securityProtocol")
MECHANISM = ("sasl.mechanism", "saslMechanism")


class AccessError(Exception):
    """A KafkaAccess that nothing can be made of yet; some have a reason beside the message."""

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class User(msgspec.Struct, frozen=True):
    """A KafkaUser's type of authentication, its name for Kafka, and its Secret's values."""

    type: str
    username: str
    data: dict[str, bytes]


class AccessOperator:
    """Reconciles KafkaAccesses with their Secrets."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube

    async def reconcile(self, key: Key) -> float | None:
        """Bring one Secret to what Kafka, user and authority are now, and name it in the status."""
        access = await self._kube.get("KafkaAccess", *key)
        if access is None or "deletionTimestamp" in access["metadata"]:
            return None  # the Secret goes by its owner
        try:
            data = await self._collect(access)
        except AccessError as error:
            await self._kube.set_status(access, failed_status(access, error))
            return None
        name = access["spec"].get("secretName") or key.name
        await self._ensure_secret(access, name, data)
        if (former := _binding(access).get("name", name)) != name:
            await self._kube.delete("Secret", key.namespace, former)
        ready = condition("Ready", "True", "Ready", "Ready")
        await self._kube.set_status(access, status_of(access, [ready], binding={"name": name}))
        return None

    async def _collect(self, access: Manifest) -> dict[str, bytes]:
        cluster = kafka_of(access)
        kafka = await self._find("Kafka", cluster)
        user = await self._find_user(access)
        listeners = msgspec.convert(kafka["spec"]["kafka"], Settings).listeners
        named = access["spec"]["kafka"].get("listener")
        listener = choose_listener(listeners, named, user.type if user else None)
        authority = Key(cluster.namespace, f"{cluster.name}-cluster-ca-cert")
        trusted = secret_data(await self._kube.get("Secret", *authority)) if listener.tls else {}
        return connection_data(listener, bootstrap_servers(kafka, listener), trusted.get("ca.crt"), user)

    async def _find_user(self, access: Manifest) -> User | None:
        reference = access["spec"].get("user")
        if reference is None:
            return None
        if (reference["kind"], reference["apiGroup"]) != KAFKA_USER:
            kind, group = KAFKA_USER
            raise AccessError(f"User kind must be {kind} and apiGroup must be {group}", "InvalidUserKind")
        key = Key(reference.get("namespace") or access["metadata"]["namespace"], reference["name"])
        user = await self._find("KafkaUser", key)
        status = user.get("status", {})
        if "secret" not in status:
            raise _missing("Secret in KafkaUser status", key)
        found = await self._kube.get("Secret", key.namespace, status["secret"])
        if found is None:
            raise _missing(f"Secret {status['secret']} for KafkaUser", key)
        return User(user["spec"]["authentication"]["type"], status["username"], secret_data(found))

    async def _find(self, kind: str, key: Key) -> Manifest:
        found = await self._kube.get(kind, *key)
        if found is None:
            raise _missing(kind, key)
        return found

    async def _ensure_secret(self, access: Manifest, name: str, data: Mapping[str, bytes]) -> None:
        wanted = build_secret(access, name, data)
        found = await self._kube.get("Secret", access["metadata"]["namespace"], name)
        if found is None or found["metadata"].get("labels", {}).get(MANAGED_BY) != ACCESS_OPERATOR:
            await self._kube.create(wanted)  # which the API server refuses where the name is another's
        elif found.get("data") != wanted["data"]:
            await self._kube.replace(found | {"data": wanted["data"]})


def kafka_of(access: Manifest) -> Key:
    """Return the Kafka that a KafkaAccess names, which is by default in its own namespace."""
    kafka = access["spec"]["kafka"]
    return Key(kafka.get("namespace") or access["metadata"]["namespace"], kafka["name"])


def choose_listener(listeners: Sequence[Listener], named: str | None, user: str | None) -> Listener:
    """Return the listener for a user of this type of authentication; None is no user.

    README: the one that is named; else of those with the user's authentication an internal one before
    others, and of several the first by its name.

    Raises:
        AccessError: none is as it should be.
    """
    if named is not None:
        chosen = next((each for each in listeners if each.name == named), None)
        if chosen is None:
            raise AccessError(f"The specified listener {named} is missing from the Kafka resource.")
        if not _lets_in(chosen, user):
            raise AccessError(
                f"Provided listener {named} and Kafka User do not have compatible authentication "
                "configurations."
            )
        return chosen
    possible = [each for each in listeners if _lets_in(each, user)]
    if not possible:
        raise AccessError("No listeners present in Kafka cluster that match auth requirement.")
    return min(possible, key=lambda each: (each.type != "internal", each.name))


def bootstrap_servers(kafka: Manifest, listener: Listener) -> str:
    """Return a listener's address by the Kafka's status.

    Raises:
        AccessError: the status does not tell it (yet).
    """
    for each in kafka.get("status", {}).get("listeners", []):
        if each["name"] == listener.name and each.get("bootstrapServers"):
            servers: str = each["bootstrapServers"]
            return servers
    raise AccessError(
        f"The bootstrap server address for the listener {listener.name} is missing from the Kafka "
        "resource status."
    )


def connection_data(
    listener: Listener, servers: str, authority: bytes | None, user: User | None
) -> dict[str, bytes]:
    """Return the Secret's values, as the README lists them."""
    data = {"type": b"kafka", "provider": b"strimzi"}
    data |= dict.fromkeys(SERVERS, servers.encode())
    data |= dict.fromkeys(PROTOCOL, _protocol(listener).encode())
    if listener.tls and authority is not None:
        data["ssl.truststore.crt"] = authority
    return data | (_login(user) if user else {})


def _login(user: User) -> dict[str, bytes]:
    if user.type == "tls":
        names = {"user.crt": "ssl.keystore.crt", "user.key": "ssl.keystore.key"}
        return {name: user.data[key] for key, name in names.items() if key in user.data}
    kept = {key: value for key, value in user.data.items() if key in ("password", "sasl.jaas.config")}
    return {"username": user.username.encode(), **kept, **dict.fromkeys(MECHANISM, b"SCRAM-SHA-512")}


def build_secret(access: Manifest, name: str, data: Mapping[str, bytes]) -> Manifest:
    """Return the Secret, which goes with its KafkaAccess."""
    metadata = access["metadata"]
    template = access["spec"].get("template", {}).get("secret", {}).get("metadata", {})
    owner = {
        "apiVersion": "access.strimzi.io/v1alpha1",
        "kind": "KafkaAccess",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }
    own: Manifest = {
        "name": name,
        "namespace": metadata["namespace"],
        "labels": template.get("labels", {}) | {MANAGED_BY: ACCESS_OPERATOR},
        "annotations": template.get("annotations", {}),
        "ownerReferences": [owner],
    }
    return secret(own, data) | {"type": SECRET_TYPE}


def failed_status(access: Manifest, error: AccessError) -> Manifest:
    """Return the status of what can't be had now; a Secret that is there stays, and stays named."""
    failed = condition("Ready", "False") | {"message": str(error)}
    failed |= {"reason": error.reason} if error.reason else {}
    kept = {"binding": _binding(access)} if _binding(access) else {}
    return status_of(access, [failed], **kept)


def concerns(access: Manifest, resource: Manifest) -> bool:
    """Return whether a KafkaAccess is looked at again when a Kafka, KafkaUser or Secret changes."""
    metadata = resource["metadata"]
    labels, namespace = metadata.get("labels", {}), metadata["namespace"]
    if resource["kind"] == "KafkaUser":
        user = access["spec"].get("user", {})
        there = user.get("namespace") or access["metadata"]["namespace"]
        return bool((there, user.get("name")) == (namespace, metadata["name"]))
    if resource["kind"] == "Kafka":
        return kafka_of(access) == Key(namespace, metadata["name"])
    if labels.get(MANAGED_BY) == ACCESS_OPERATOR:
        owners = [each["uid"] for each in metadata.get("ownerReferences", [])]
        return access["metadata"]["uid"] in owners
    cluster = {
        "strimzi-cluster-operator": labels.get("app.kubernetes.io/instance"),
        "strimzi-user-operator": labels.get("strimzi.io/cluster"),
    }.get(labels.get(MANAGED_BY, ""))
    return kafka_of(access) == Key(namespace, cluster or "")


def _lets_in(listener: Listener, user: str | None) -> bool:
    if listener.authentication is None:
        return user is None
    return user in (None, listener.authentication.type)


def _protocol(listener: Listener) -> str:
    kind = listener.authentication.type if listener.authentication else None
    return listener.protocol if kind in (None, "tls", "scram-sha-512") else "PLAINTEXT"


def _binding(access: Manifest) -> dict[str, str]:
    found: dict[str, str] = access.get("status", {}).get("binding", {})
    return found


def _missing(kind: str, key: Key) -> AccessError:
    return AccessError(f"{kind} {key.namespace}/{key.name} missing", "MissingKubernetesResource")
