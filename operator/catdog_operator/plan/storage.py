"""Rules on the claim that keeps the versions: it is made once, and never changed."""

import msgspec

from catdog_operator.manifests.claim import build_claim
from catdog_operator.manifests.common import Manifest
from catdog_operator.observed import Observed
from catdog_operator.plan.finding import Finding, no, yes
from catdog_operator.plan.told import events_about
from catdog_operator.resolve import Resolved
from catdog_operator.views import PersistentVolumeClaim


def plan_claim(observed: Observed, resolved: Resolved) -> Manifest | None:
    """Return the claim to make, or None where it is there or is the user's to make."""
    return None if observed.claim else build_claim(observed.model, resolved)


def is_left_by_another(observed: Observed) -> bool:
    """Return whether the claim goes with a model that had this name before, as all else of that model."""
    claim, model = observed.claim, observed.model
    return claim is not None and claim.metadata.is_of_a_former(model.name, model.metadata.uid)


def without_what_goes(observed: Observed) -> Observed:
    """Return what is there, but for what goes with the model that had this name before."""
    return msgspec.structs.replace(
        observed,
        jobs=(),
        training_pods=(),
        deployment=None,
        inference_pods=(),
        shadow_deployment=None,
        shadow_pods=(),
    )


def find_leaving_claim(observed: Observed) -> Finding | None:
    """Return that the claim, and so all versions on it, is about to go, or None where it stays."""
    if (claim := observed.claim) is None:
        return None
    name = claim.metadata.name
    if is_left_by_another(observed):
        return no(
            "ClaimLeaving",
            f"PersistentVolumeClaim {name} goes with the CatDogModel that had this name before; "
            "all is made anew when it is gone",
        )
    if claim.metadata.deletion_timestamp is None:
        return None
    return no(
        "ClaimLeaving",
        f"PersistentVolumeClaim {name} was deleted, and goes with all versions as soon as no pod uses it; "
        "copy what is needed, and let it go by spec.inference.replicas: 0",
    )


def find_storage(observed: Observed, resolved: Resolved) -> Finding:
    """Return whether the claim is there and bound."""
    name, claim = resolved.claim_name, observed.claim
    if claim is None and resolved.claim is None:
        return no(
            "ClaimNotFound",
            f"PersistentVolumeClaim {name} is not in namespace {observed.model.namespace}; create it",
        )
    if claim is None:
        return no("ClaimMissing", f"PersistentVolumeClaim {name} is being made")
    if (leaving := find_leaving_claim(observed)) is not None:
        return leaving
    if claim.status.phase == "Bound":
        return yes("ClaimBound", f"PersistentVolumeClaim {name} is bound{_of_one_node(observed, resolved)}")
    if claim.status.phase == "Lost":
        return no("ClaimLost", f"PersistentVolumeClaim {name} has lost its volume; bring the volume back")
    return _pending("ClaimPending", claim, observed)


def _of_one_node(observed: Observed, resolved: Resolved) -> str:
    """Return what to do about workers that would rather be on several nodes."""
    if drawn_to(observed, resolved) is None or observed.model.spec.inference.replicas <= 1:
        return ""
    return " by one node, where all pods of the model run; a claim with ReadWriteMany would let them spread"


def find_unbound_claim(observed: Observed) -> Finding | None:
    """Return which of the claims that a pod mounts has no volume, or None where each has."""
    claims = (("ClaimPending", observed.claim), ("DatasetClaimPending", observed.dataset_claim))
    for reason, claim in claims:
        if claim is not None and claim.status.phase == "Pending":
            return _pending(reason, claim, observed)
    return None


def _pending(reason: str, claim: PersistentVolumeClaim, observed: Observed) -> Finding:
    told = events_about(claim.metadata, observed, "ProvisioningFailed", "FailedBinding")
    what = f"PersistentVolumeClaim {claim.metadata.name} is not bound"
    if not told:
        return no(reason, f"{what}: it waits for its first pod, or for a volume that fits")
    return no(reason, f"{what}: {told[-1].message}; provide a volume or the storage class that it asks for")


def drawn_to(observed: Observed, resolved: Resolved) -> str | None:
    """Return the model whose pods a pod should be near: its own, where only one node mounts the claim."""
    modes: tuple[str, ...] = (resolved.claim.access_mode,) if resolved.claim else ()
    if observed.claim is not None:
        modes = observed.claim.spec.access_modes
    return None if "ReadWriteMany" in modes else observed.model.name
