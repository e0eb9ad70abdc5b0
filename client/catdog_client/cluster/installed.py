"""What `catdog doctor` reads of the operator and of Strimzi's Kafkas."""

from catdog_client.cluster.model import Condition, Metadata, View


class DeploymentStatus(View, frozen=True):
    """What is read of a Deployment's status."""

    available_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class DeploymentSpec(View, frozen=True):
    """What is read of a Deployment's spec."""

    replicas: int = 1


class Deployment(View, frozen=True):
    """The operator's Deployment."""

    metadata: Metadata
    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()


class ListenerAuthentication(View, frozen=True):
    """How a listener's clients prove who they are."""

    type: str = ""


class Listener(View, frozen=True):
    """A Kafka's listener."""

    name: str
    tls: bool = False
    authentication: ListenerAuthentication | None = None

    def __str__(self) -> str:
        """Return it in words."""
        login = self.authentication.type if self.authentication else "anyone"
        return f"{self.name} ({'TLS' if self.tls else 'no TLS'}, {login})"


class Authorization(View, frozen=True):
    """How a Kafka decides what a client may do."""

    type: str = ""


class KafkaSettings(View, frozen=True):
    """What is read of spec.kafka of a Kafka."""

    listeners: tuple[Listener, ...] = ()
    authorization: Authorization | None = None


class KafkaSpec(View, frozen=True):
    """A Kafka's spec."""

    kafka: KafkaSettings = KafkaSettings()


class KafkaStatus(View, frozen=True):
    """A Kafka's status."""

    conditions: tuple[Condition, ...] = ()


class KafkaCluster(View, frozen=True):
    """A Kafka resource of Strimzi's."""

    metadata: Metadata
    spec: KafkaSpec = KafkaSpec()
    status: KafkaStatus = KafkaStatus()
