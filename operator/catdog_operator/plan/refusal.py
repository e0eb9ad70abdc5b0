"""Why the API server did not take an object, and what to do."""

import re

from catdog_operator.plan.finding import Finding, no

# A pod's name is drawn anew at each attempt: with it, the same trouble would read differently each time.
POD_NAME = re.compile(r'^(?:Error creating: )?pods "[^"]*" is forbidden: ')
NO_RIGHT = re.compile(r'User "[^"]*" cannot \w+ resource')
DENIALS = ("denied", "violates PodSecurity", "is forbidden: ")


def explain_refusal(what: str, message: str, settings: str | None = None) -> Finding:
    """Return what is to be said of a refusal of `what`; `settings` are the fields that may mend it."""
    reason, advice = _explain(message, settings)
    return no(reason, f"{what} is refused: {POD_NAME.sub('', message)}; {advice}")


def _explain(message: str, settings: str | None) -> tuple[str, str]:
    if "exceeded quota" in message:
        return "QuotaExceeded", "make room in the quota, or have it raised"
    if NO_RIGHT.search(message):
        return "Forbidden", "give the operator its rights back: apply its manifests again"
    if POD_NAME.match(message) or any(each in message for each in DENIALS):
        mend = f"change {settings}, or the rule" if settings else "change the rule"
        return "AdmissionRefused", f"{mend} that refuses it"
    return "Refused", "it is tried again"
