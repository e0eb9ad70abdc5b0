"""Decides: from what is observed of a model to what should be. Pure, and the only place with rules."""

import msgspec

from catdog_operator.manifests.common import Manifest
from catdog_operator.manifests.kafka_login import Connection
from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding
from catdog_operator.plan.kafka import plan_kafka
from catdog_operator.plan.promotion import note_first_served, plan_promotion, record_change
from catdog_operator.plan.protection import plan_protection
from catdog_operator.plan.serving import ServingPlan, plan_serving
from catdog_operator.plan.shadow import ShadowPlan, plan_shadow
from catdog_operator.plan.storage import find_storage, is_left_by_another, plan_claim, without_what_goes
from catdog_operator.plan.training import TrainingPlan, plan_training
from catdog_operator.resolve import Resolved, resolve
from catdog_operator.status_fields import Change, Version
from catdog_operator.views import Job


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What should be, and what was found on the way; `look_again` is in seconds."""

    resolved: Resolved
    versions: tuple[Version, ...]
    wanted_version: int | None
    create: tuple[Manifest, ...]  # made once, and never applied over
    apply: tuple[Manifest, ...]  # held as they are here
    delete: tuple[Job, ...]
    storage: Finding
    kafka: Finding
    connection: Connection | None  # to Kafka
    training: TrainingPlan
    promotion: Finding
    serving: ServingPlan
    shadow: ShadowPlan
    history: tuple[Change, ...]
    look_again: float | None
    news: bool  # to be noted in the status before what it was read from is deleted


def plan(observed: Observed) -> Plan:
    """Return what should be done for a model, and what is to be said of it.

    Nothing is done while it is paused, while some of what it depends on is not to be read, or while a model
    that had its name before takes its claim with it.
    """
    left = is_left_by_another(observed)
    planned = _plan_all(without_what_goes(observed) if left else observed, resolve(observed.model))
    if observed.model.spec.paused or observed.forbidden or left:
        idle = msgspec.structs.replace(planned.shadow, delete=None)
        return msgspec.structs.replace(planned, create=(), apply=(), delete=(), shadow=idle, news=False)
    return planned


def _plan_all(observed: Observed, resolved: Resolved) -> Plan:
    promotion = plan_promotion(observed)
    kafka = plan_kafka(observed, resolved)
    training = plan_training(observed, resolved, promotion.versions, kafka)
    serving = plan_serving(observed, resolved, promotion.version, kafka)
    shadow = plan_shadow(observed, resolved, promotion, kafka)
    claim = plan_claim(observed, resolved)
    versions = note_first_served(promotion.versions, serving.served_version, observed.now)
    return Plan(
        resolved=resolved,
        versions=versions,
        wanted_version=promotion.version,
        create=tuple(manifest for manifest in (claim, training.create) if manifest is not None),
        apply=plan_protection(observed, resolved, kafka, serving)
        + kafka.wanted
        + tuple(each.wanted for each in (serving, shadow) if each.wanted is not None),
        delete=training.delete,
        storage=find_storage(observed, resolved),
        kafka=kafka.finding,
        connection=kafka.connection,
        training=training,
        promotion=promotion.finding,
        serving=serving,
        shadow=shadow,
        history=record_change(observed, serving.served_version),
        news=_has_news(observed, versions, training),
        look_again=min(
            filter(None, (training.look_again, serving.look_again, shadow.look_again)), default=None
        ),
    )


def _has_news(observed: Observed, versions: tuple[Version, ...], training: TrainingPlan) -> bool:
    noted = observed.model.status
    return versions != noted.versions or training.failure not in (None, noted.last_failure)
