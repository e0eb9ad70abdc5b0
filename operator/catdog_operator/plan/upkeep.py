"""Rules on pods that only the operator wants to be others, as after an upgrade: when they are replaced."""

from typing import Literal

from catdog_operator.drift import differs
from catdog_operator.manifests.common import Manifest
from catdog_operator.observed import Observed
from catdog_operator.views import SETTINGS_ANNOTATION, Deployment

UPKEEP_SECONDS = 15.0  # between two looks whether it is a model's turn

Upkeep = Literal["None", "Roll", "Queue", "Defer"]


def plan_upkeep(observed: Observed, deployment: Deployment | None, wanted: Manifest, version: int) -> Upkeep:
    """Return what to do where the pods differ though neither the version nor the settings have changed.

    Pods of another image are replaced, in a few models at a time. Pods of the present image are as good as
    new ones: they stay until the next version or edit, which replaces them anyway.
    """
    if deployment is None or not _is_upkeep(observed, deployment, wanted, version):
        return "None"
    if deployment.image == observed.surroundings.images.inference:
        return "Defer"
    enough = observed.rollouts_elsewhere >= observed.surroundings.parallel_rollouts
    return "Queue" if enough else "Roll"


def with_template(wanted: Manifest, deployment: Deployment | None) -> Manifest:
    """Return the Deployment that is wanted, but with the pods that are there."""
    template = deployment.spec.template if deployment else wanted["spec"]["template"]
    return wanted | {"spec": wanted["spec"] | {"template": template}}


def _is_upkeep(observed: Observed, deployment: Deployment, wanted: Manifest, version: int) -> bool:
    """Return whether the operator alone wants other pods.

    Where this very manifest was applied last, somebody else has changed it: that is put right at once.
    """
    if deployment.version != version or deployment.was_applied_as(wanted):
        return False
    if _settings_changed(observed, deployment, wanted):
        return False
    return differs(wanted["spec"]["template"], deployment.spec.template)


def _settings_changed(observed: Observed, deployment: Deployment, wanted: Manifest) -> bool:
    made_with = deployment.metadata.annotations.get(SETTINGS_ANNOTATION)
    if made_with is None:  # by a release that did not note it
        return observed.model.status.observed_generation != observed.model.metadata.generation
    return bool(made_with != wanted["metadata"]["annotations"][SETTINGS_ANNOTATION])
