"""What the console is told by its environment."""

from catdog_common.kafka_binding import KafkaEnvironment


class Config(KafkaEnvironment, frozen=True, kw_only=True):
    """How the console is run; read from `CATDOG_*`, the way into Kafka among them."""

    namespaces: tuple[str, ...]  # whose models are shown
    # Nobody but who may forward a port of the pod, or a proxy in it, reaches this address.
    host: str = "127.0.0.1"
    port: int = 8080
    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")  # names that a browser may know it by

    def __post_init__(self) -> None:
        """Refuse to show the models of no namespace."""
        if not self.namespaces:
            raise ValueError("CATDOG_NAMESPACES names no namespace: say whose models to show")
