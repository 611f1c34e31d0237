"""RFC 9457 problems: the caller reads what went wrong and what to do; the cause goes to the operator's log alone.

The `type` is a reference relative to the broker, and there is a page behind it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from broker.core.denial import Denied, Refusal
from broker.wire.reasons import Reason

MEDIA_TYPE = "application/problem+json"
BASE = "/problems/"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One row of the register: what this problem always means. `remedy` tells the caller what to do about it."""

    status: int
    title: str
    remedy: str


REGISTER: Mapping[str, ProblemType] = {
    # The request as such.
    "malformed-request": ProblemType(400, "The request cannot be read", "Send well-formed content."),
    "not-found": ProblemType(404, "Nothing is here", "Check the address."),
    "method-not-allowed": ProblemType(405, "This address does not take that method", "See the Allow header."),
    "request-timeout": ProblemType(408, "The body did not arrive in time", "Send it again on a better connection."),
    "content-too-large": ProblemType(413, "The body is too large", "Send less; the limit is in `limit`, in bytes."),
    "unsupported-media-type": ProblemType(
        415, "The body has the wrong content type", "Use one of the types in `accepted`."
    ),
    "invalid-request": ProblemType(422, "The request has no meaning here", "Correct the fields named in `errors`."),
    # Who asks.
    "not-authenticated": ProblemType(401, "Who asks is not proven", "Log in, or sign the request with a current key."),
    "forbidden": ProblemType(403, "This is not allowed", "Ask for what the token or the session permits."),
    "too-many-requests": ProblemType(
        429, "Too many logins were begun from this address", "Wait as long as Retry-After says, in seconds."
    ),
    "form-expired": ProblemType(403, "The form is no longer valid", "Open the page again and send the form anew."),
    # What the broker answers no to.
    "consent-required": ProblemType(
        403, "No consent covers this", "Send the person to the consent page, if they want this."
    ),
    "consent-paused": ProblemType(
        403, "The person has paused this consent", "Wait for the notice that it was resumed; do not ask again."
    ),
    "too-often": ProblemType(429, "The person agreed to fewer uses", "Ask again when the agreed interval has passed."),
    "recipient-unknown": ProblemType(403, "No such partner receives anything", "Ask the operator about the partner."),
    "release-refused": ProblemType(403, "The template is not released", "Refer the person to an officer."),
    "invitation-invalid": ProblemType(403, "The enrolment code is not valid", "Ask the operator for a new code."),
    "consent-unknown": ProblemType(404, "There is no such consent", "Fetch the list of consents again."),
    "entry-unknown": ProblemType(
        404,
        "The journal has no such entry in place",
        "An entry gets its place about a second after the act: ask again.",
    ),
    "identity-unknown": ProblemType(404, "There is no such identity", "Fetch the list of identities again."),
    "identity-refused": ProblemType(403, "It was found to be another person's", "Ask an officer."),
    "last-identity": ProblemType(
        409, "The last identity stays", "Add another one first, or erase the account to leave altogether."
    ),
    "pass-unknown": ProblemType(404, "There is no such pass", "Fetch new passes."),
    "not-enrolled": ProblemType(409, "No face is enrolled", "Enrol a face first."),
    "no-portrait": ProblemType(
        409, "No portrait to compare with", "Log in at the identity provider again, then enrol within a day."
    ),
    "device-key-used": ProblemType(409, "A device key belongs to another pass", "Generate fresh device keys."),
    "already-done": ProblemType(409, "This was done before", "Nothing: each can be done once."),
    "capture-refused": ProblemType(422, "The photograph was not accepted", "Take another one; see `reason`."),
    # What only partners meet.
    "too-many-guesses": ProblemType(
        429, "Too many values did not agree", "Wait a day: wrong values about one person are counted."
    ),
    "no-encryption-key": ProblemType(
        409, "There is no key to encrypt the answer to", "Publish a key with use=enc and have the operator fetch it."
    ),
    "request-unknown": ProblemType(404, "There is no such request", "Each is deleted soon after it was fetched."),
    "idempotency-clash": ProblemType(
        422, "The idempotency key belongs to another request", "Use a fresh Idempotency-Key for each new request."
    ),
    # People's rights.
    "certificate-unknown": ProblemType(
        404, "No certificate waits behind this link", "It is handed out once; the journal's entry stays."
    ),
    "no-guardian": ProblemType(
        403, "No guardianship allows this", "Invite, confirm and agree as /rights/guardians says."
    ),
    # Us.
    "internal-error": ProblemType(500, "The broker failed", "Quote `instance` to the operator."),
    "database-unavailable": ProblemType(503, "The database does not answer", "Send the request again shortly."),
    "outcome-unknown": ProblemType(
        503, "The database was lost in the middle", "Ask for the present state, then repeat if it was not done."
    ),
    "face-engine-unavailable": ProblemType(503, "Photographs cannot be examined now", "Send it again shortly."),
    "overloaded": ProblemType(503, "Too much at once", "Send the request again shortly."),
}

_REFUSALS: Mapping[Refusal, str] = {
    Refusal.CONSENT_MISSING: "consent-required",
    Refusal.CONSENT_UNKNOWN: "consent-unknown",
    Refusal.CONSENT_PAUSED: "consent-paused",
    Refusal.OVER_FREQUENCY: "too-often",
    Refusal.RECIPIENT_UNKNOWN: "recipient-unknown",
    Refusal.NO_PORTRAIT: "no-portrait",
    Refusal.DEVICE_KEY_USED: "device-key-used",
    Refusal.PASS_UNKNOWN: "pass-unknown",
    Refusal.INVITATION_INVALID: "invitation-invalid",
    Refusal.IDENTITY_UNKNOWN: "identity-unknown",
    Refusal.IDENTITY_REFUSED: "identity-refused",
    Refusal.LAST_IDENTITY: "last-identity",
    Refusal.GUESSED_TOO_OFTEN: "too-many-guesses",
    Refusal.NO_ENCRYPTION_KEY: "no-encryption-key",
    Refusal.REQUEST_UNKNOWN: "request-unknown",
    Refusal.IDEMPOTENCY_CLASH: "idempotency-clash",
    Refusal.CERTIFICATE_UNKNOWN: "certificate-unknown",
    Refusal.ALREADY_ASKED: "already-done",
    Refusal.NO_GUARDIAN: "no-guardian",
}
# What gate and wallet know each refusal by, where the lane's vocabulary has a word for it.
_REASONS: Mapping[Refusal, Reason] = {
    Refusal.CONSENT_MISSING: Reason.CONSENT_WITHDRAWN,
}
_CAPTURE = (
    Reason.MALFORMED_IMAGE,
    Reason.NO_FACE,
    Reason.SEVERAL_FACES,
    Reason.POOR_QUALITY,
    Reason.NOT_SAME_PERSON,
)
# Any other lane reason means that a gate does not get the template.
_FOR_REASON: Mapping[Reason, str] = {
    Reason.CONSENT_WITHDRAWN: "consent-required",
    Reason.TEMPLATE_UNAVAILABLE: "not-enrolled",
    **dict.fromkeys(_CAPTURE, "capture-refused"),
}


class Problem(Exception):
    """A refusal or failure to answer with. `hint` is for the caller, `cause` for the operator; neither holds personal
    data. Raising it rolls the unit of work back: a denial that must commit is returned with `answer`.
    """

    def __init__(
        self,
        slug: str,
        hint: str = "",
        *,
        cause: str = "",
        reason: Reason | None = None,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(f"{slug}: {cause or hint}")
        self.slug = slug
        self.hint = hint
        self.cause = cause
        self.reason = reason
        self.headers = dict(headers or {})
        self.members = members

    @property
    def status(self) -> int:
        return REGISTER[self.slug].status

    def document(self) -> dict[str, Any]:
        """The members of RFC 9457 3.1 and our extensions; `instance` is added where the request is known."""
        kind = REGISTER[self.slug]
        document: dict[str, Any] = {"type": BASE + self.slug, "title": kind.title, "status": kind.status}
        document["detail"] = self.hint or kind.remedy
        if self.reason is not None:
            document["reason"] = self.reason.value
        return document | self.members


def of_denial(denied: Denied) -> Problem:
    """What to answer for a denial of a flow."""
    if isinstance(denied.reason, Refusal):
        slug, reason = _REFUSALS[denied.reason], _REASONS.get(denied.reason)
        return Problem(slug, cause=denied.detail, reason=reason)
    return Problem(_FOR_REASON.get(denied.reason, "release-refused"), cause=denied.detail, reason=denied.reason)


def answer(problem: Problem, request_id: str) -> Response:
    """The problem as a response. `request_id` is what the log calls this request."""
    document = problem.document() | {"instance": f"urn:tongguan:request:{request_id}"}
    return JSONResponse(document, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)
