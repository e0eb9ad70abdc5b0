"""What the pages stand on, handed to each of them."""

from collections.abc import Callable
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request

from catdog_client.cluster.model import Version
from catdog_client.errors import ClientError
from catdog_client.version_files import Published
from catdog_common.kafka_binding import KafkaLogin
from catdog_common.kafka_security import KafkaSecurityError
from catdog_console.cluster import Cluster, Key, Known
from catdog_console.predictors import Predictors
from catdog_console.reports import Reports
from catdog_console.topics import read_topics, why_out_of_reach
from catdog_console.traffic import Traffic
from catdog_console.views import ModelView, view_model
from catdog_console.views_of_kafka import ModelTopics

NOT_FOUND = 404


class Parts:
    """The cluster, its models' Kafka and how the console is let in there, and their versions' files."""

    def __init__(
        self,
        cluster: Cluster,
        reports: Reports,
        traffic: Traffic,
        predictors: Predictors,
        login: Callable[[], KafkaLogin],
    ) -> None:
        self.cluster, self.reports = cluster, reports
        self.traffic, self.predictors = traffic, predictors
        self._login = login
        self._views: dict[Key, tuple[Known, ModelView]] = {}

    def find(self, request: Request) -> tuple[Key, Known]:
        """Return the model that a request's path names.

        Raises:
            HTTPException: there is none.
        """
        key = Key(request.path_params["namespace"], request.path_params["name"])
        if (known := self.cluster.models.get(key)) is not None:
            return key, known
        if key.namespace not in self.cluster.namespaces:
            shown = ", ".join(self.cluster.namespaces)
            raise HTTPException(NOT_FOUND, f"This console shows models of {shown} only.")
        raise HTTPException(NOT_FOUND, f"Namespace {key.namespace} has no CatDogModel {key.name}.")

    def topics(self, known: Known) -> ModelTopics:
        """Return a model's topics, which the console can reach as far as one can tell beforehand.

        Raises:
            ClientError: they are not known yet, or lie in another Kafka; the message says what to do.
        """
        topics = read_topics(known.body)
        try:
            reason = why_out_of_reach(topics, self._login())
        except KafkaSecurityError as error:
            raise ClientError(f"The console's login for Kafka can't be read: {error}") from error
        if reason is not None:
            raise ClientError(reason)
        return topics

    def view(self, key: Key, known: Known) -> ModelView:
        """Return what there is to say of a model; it is made once for all pages."""
        seen = self._views.get(key)
        if seen is None or seen[0] is not known:
            seen = self._views[key] = known, view_model(key, known, datetime.now(UTC))
            for gone in self._views.keys() - self.cluster.models.keys():
                del self._views[gone]
        return seen[1]


class ModelFiles:
    """The files of one model's versions."""

    def __init__(self, reports: Reports, model: Key) -> None:
        self._reports, self._model = reports, model

    async def read(self, published: Published, name: str) -> bytes:
        """Return a file of a version, or its manifest.

        Raises:
            ClientError: it can't be had.
        """
        return await self._reports.read(self._model, published, name)


def find_version(known: Known, number: int) -> tuple[Version, Published]:
    """Return a version that a model's status has.

    Raises:
        HTTPException: it has none of that number.
    """
    version = known.model.version(number)
    if version is None:
        raise HTTPException(NOT_FOUND, f"Model {known.model.name} has no version {number} (any more).")
    return version, Published(number, version.digest)
