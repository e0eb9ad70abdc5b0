"""Makes Kafka's users be what KafkaUsers say: a certificate or a password in a Secret, and rules.

Strimzi docs: "Using the User Operator to manage Kafka users", "Manually renewing client certificates"
(`strimzi.io/force-renew` on the user's Secret), "ClientsCa: validityDays".
"""

import datetime as dt
import secrets
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AclBinding

from tests.cluster.strimzi.acls import InvalidUserError, build_acls, orphaned, username
from tests.cluster.strimzi.admins import Admins
from tests.cluster.strimzi.authorities import FORCE_RENEW, is_asked
from tests.cluster.strimzi.controller import Key
from tests.cluster.strimzi.kafka_admin import KafkaAdmin, is_outage, java_message
from tests.cluster.strimzi.kube import Kube, Manifest
from tests.cluster.strimzi.objects import condition, is_never_ready, secret, secret_data, status_of
from tests.cluster.strimzi.pki import VALIDITY, KeyPair, is_current, issue, key_store, subject

RESYNC_SECONDS = 120.0
_SECRET_KEYS = {
    "tls": {"ca.crt", "user.crt", "user.key", "user.p12", "user.password"},
    "scram-sha-512": {"password", "sasl.jaas.config"},
}


class UserOperator:
    """Reconciles KafkaUsers with their Secrets and with the rules of their cluster."""

    def __init__(self, kube: Kube, admins: Admins) -> None:
        self._kube = kube
        self._admins = admins

    async def reconcile(self, key: Key) -> float | None:
        """Bring one user to what its resource says, and write how that went."""
        user = await self._kube.get("KafkaUser", *key)
        if user is None:
            await self._remove_secret(key)
        cluster = user and user["metadata"].get("labels", {}).get("strimzi.io/cluster")
        if not user or not cluster or "deletionTimestamp" in user["metadata"] or is_never_ready(user):
            return None
        admin = await self._admins.of(key.namespace, cluster, "userOperator")
        if admin is None:
            return None
        try:
            status = await self._synchronize(user, cluster, admin)
        except InvalidUserError as error:
            status = _failed(user, "InvalidResourceException", str(error))
        except KafkaException as error:
            if is_outage(error):
                raise
            status = _failed(user, "ExecutionException", java_message(error))
        await self._kube.set_status(user, status)
        return RESYNC_SECONDS

    async def sweep(self, cluster: Key) -> float | None:
        """Take away the rules of users that have no KafkaUser (any more)."""
        admin = await self._admins.of(*cluster, "userOperator")
        if admin is None:
            return None
        # In this order: a user that comes in between has no rule in the first list.
        acls, passwords = await admin.acls(), await admin.users_with_password()
        users = await self._kube.list("KafkaUser", cluster.namespace, f"strimzi.io/cluster={cluster.name}")
        await admin.remove_acls(orphaned(acls, {f"User:{username(user)}" for user in users}))
        await admin.remove_passwords(passwords - {username(user) for user in users})
        return RESYNC_SECONDS

    async def _synchronize(self, user: Manifest, cluster: str, admin: KafkaAdmin) -> Manifest:
        _check(user)
        name = user["metadata"]["name"]
        data = await self._ensure_secret(user, cluster)
        if "password" in data:
            await admin.set_password(name, data["password"])
        await _ensure_acls(admin, f"User:{username(user)}", build_acls(user))
        return status_of(user, [condition("Ready")], username=username(user), secret=name)

    async def _ensure_secret(self, user: Manifest, cluster: str) -> dict[str, bytes]:
        metadata, kind = user["metadata"], user["spec"]["authentication"]["type"]
        found = await self._kube.get("Secret", metadata["namespace"], metadata["name"])
        data = {key: value for key, value in secret_data(found).items() if key in _SECRET_KEYS[kind]}
        if kind == "tls":
            authority = await self._clients_authority(metadata["namespace"], cluster)
            if is_asked(found, FORCE_RENEW) or not _is_complete(data, authority.certificate):
                validity = await self._validity(metadata["namespace"], cluster)
                data = _new_certificate(metadata["name"], authority, validity)
        elif data.keys() != _SECRET_KEYS[kind]:
            data = _new_password(metadata["name"])
        wanted = build_user_secret(user, cluster, data)
        if found is None:
            await self._kube.apply(wanted)
        elif _differs(found, wanted):
            await self._kube.replace(wanted)
        return data

    async def _remove_secret(self, user: Key) -> None:
        found = await self._kube.get("Secret", *user)
        if found and found["metadata"].get("labels", {}).get("strimzi.io/kind") == "KafkaUser":
            await self._kube.delete("Secret", *user)

    async def _validity(self, namespace: str, cluster: str) -> dt.timedelta:
        kafka = await self._kube.get("Kafka", namespace, cluster)
        days = kafka["spec"].get("clientsCa", {}).get("validityDays") if kafka else None
        return VALIDITY if days is None else dt.timedelta(days=days)

    async def _clients_authority(self, namespace: str, cluster: str) -> KeyPair:
        certificate = secret_data(await self._kube.get("Secret", namespace, f"{cluster}-clients-ca-cert"))
        key = secret_data(await self._kube.get("Secret", namespace, f"{cluster}-clients-ca"))
        if not (certificate and key):
            raise InvalidUserError(f"The clients' CA of cluster {cluster} is not there")
        return KeyPair(certificate["ca.crt"], key["ca.key"])


def build_user_secret(user: Manifest, cluster: str, data: dict[str, bytes]) -> Manifest:
    """Return the user's Secret, which goes with the user."""
    name = user["metadata"]["name"]
    owner = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "name": name,
        "uid": user["metadata"]["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }
    labels = {
        "strimzi.io/cluster": cluster,
        "strimzi.io/kind": "KafkaUser",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/name": "strimzi-user-operator",
        "app.kubernetes.io/part-of": f"strimzi-{name}",
        "app.kubernetes.io/managed-by": "strimzi-user-operator",
    }
    metadata: dict[str, Any] = {"name": name, "namespace": user["metadata"]["namespace"], "labels": labels}
    return secret(metadata | {"ownerReferences": [owner]}, data)


async def _ensure_acls(admin: KafkaAdmin, principal: str, wanted: set[AclBinding]) -> None:
    found = await admin.acls(principal)
    await admin.add_acls(wanted - found)
    await admin.remove_acls(found - wanted)


def _failed(user: Manifest, reason: str, message: str) -> Manifest:
    return status_of(user, [condition("NotReady", reason=reason, message=message)])


def _check(user: Manifest) -> None:
    authentication = user["spec"].get("authentication", {}).get("type")
    if authentication not in _SECRET_KEYS:
        raise InvalidUserError(f"the stand-in has no users with authentication {authentication}")
    if authentication == "tls" and len(user["metadata"]["name"]) > 64:
        raise InvalidUserError(
            "Users with TLS client authentication can have a username (name of the KafkaUser custom resource)"
            " only up to 64 characters long."
        )


def _new_password(name: str) -> dict[str, bytes]:
    password = secrets.token_urlsafe(24)  # 32 characters
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    login = f'{module} required username="{name}" password="{password}";'
    return {"password": password.encode(), "sasl.jaas.config": login.encode()}


def _new_certificate(name: str, authority: KeyPair, validity: dt.timedelta) -> dict[str, bytes]:
    pair = issue(authority, subject(name), validity=validity)
    password = secrets.token_urlsafe(9)
    return {
        "ca.crt": authority.certificate,
        "user.crt": pair.certificate,
        "user.key": pair.key,
        "user.p12": key_store(pair, authority.certificate, name, password),
        "user.password": password.encode(),
    }


def _is_complete(data: dict[str, bytes], authority: bytes) -> bool:
    whole = data.keys() == _SECRET_KEYS["tls"] and data["ca.crt"] == authority
    return whole and is_current(data["user.crt"], authority)


def _differs(found: Manifest, wanted: Manifest) -> bool:
    same_metadata = all(
        found["metadata"].get(key) == wanted["metadata"][key] for key in ("labels", "ownerReferences")
    )
    return not same_metadata or found.get("data") != wanted["data"]
