"""Which test stands for which module of the OpenID Foundation's conformance plans. The names are the suite's own
(conformance-suite: OIDCCBasicTestPlan, FAPI2SPFinalTestPlan with private_key_jwt, dpop, plain_fapi, openid_connect).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

Test = TypeVar("Test", bound=Callable[..., object])
_MARK: Final = "conformance_mark"

OIDC_BASIC: Final = "oidcc-basic-certification-test-plan"
FAPI2: Final = "fapi2-security-profile-final-test-plan"
_FAPI2_PREFIX: Final = "fapi2-security-profile-final-"

_BASIC_NAMES: Final = """
    oidcc-server
    oidcc-response-type-missing
    oidcc-idtoken-signature
    oidcc-idtoken-unsigned
    oidcc-userinfo-get
    oidcc-userinfo-post-header
    oidcc-userinfo-post-body
    oidcc-ensure-request-without-nonce-succeeds-for-code-flow
    oidcc-scope-profile
    oidcc-scope-email
    oidcc-scope-address
    oidcc-scope-phone
    oidcc-scope-all
    oidcc-ensure-other-scope-order-succeeds
    oidcc-display-page
    oidcc-display-popup
    oidcc-prompt-login
    oidcc-prompt-none-not-logged-in
    oidcc-prompt-none-logged-in
    oidcc-max-age-1
    oidcc-max-age-10000
    oidcc-ensure-request-with-unknown-parameter-succeeds
    oidcc-id-token-hint
    oidcc-login-hint
    oidcc-ui-locales
    oidcc-claims-locales
    oidcc-ensure-request-with-acr-values-succeeds
    oidcc-codereuse
    oidcc-codereuse-30seconds
    oidcc-ensure-registered-redirect-uri
    oidcc-ensure-post-request-succeeds
    oidcc-server-client-secret-post
    oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported
    oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported
    oidcc-claims-essential
    oidcc-ensure-request-object-with-redirect-uri
    oidcc-refresh-token
    oidcc-ensure-request-with-valid-pkce-succeeds
"""
_FAPI2_NAMES: Final = """
    discovery-end-point-verification
    happy-flow
    user-rejects-authentication
    ensure-authorization-request-without-state-success
    ensure-authorization-request-without-nonce-success
    ensure-authorization-request-with-64-char-nonce-success
    ensure-other-scope-order-succeeds
    test-claims-parameter-identity-claims
    access-token-type-header-case-sensitivity
    check-dpop-proof-nbf-exp
    ensure-dpopproof-with-iat-10seconds-before-succeeds
    ensure-dpopproof-with-iat-10seconds-after-succeeds
    ensure-mismatched-dpop-jkt-fails
    ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt
    ensure-token-endpoint-fails-with-mismatched-dpop-jkt
    ensure-dpopproof-at-par-endpoint-binding-success
    ensure-dpop-auth-code-binding-success
    ensure-different-nonce-inside-and-outside-request-object
    ensure-different-state-inside-and-outside-request-object
    ensure-authorization-request-with-long-nonce
    ensure-authorization-request-with-long-state
    state-only-outside-request-object-not-used
    ensure-request-object-without-redirect-uri-fails
    plain-fapi-tolerate-unregistered-redirect-uri
    ensure-unsigned-authorization-request-without-using-par-fails
    ensure-redirect-uri-in-authorization-request
    ensure-response-type-code-idtoken-fails
    ensure-response-type-token-fails
    ensure-client-id-in-token-endpoint
    ensure-holder-of-key-required
    ensure-authorization-code-is-bound-to-client
    attempt-reuse-authorization-code-after-one-second
    ensure-token-endpoint-fails-with-expired-auth-code
    ensure-signed-client-assertion-with-RS256-fails
    ensure-client-assertion-in-token-endpoint
    ensure-client-assertion-with-exp-is-5-minutes-in-past-fails
    ensure-client-assertion-with-wrong-aud-fails
    ensure-client-assertion-with-no-sub-fails
    dpop-negative-tests
    refresh-token
    par-ensure-reused-request-uri-prior-to-auth-completion-succeeds
    par-attempt-reuse-request_uri
    par-attempt-to-use-expired-request_uri
    par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
    par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails
    par-attempt-to-use-request_uri-for-different-client
    par-authorization-request-containing-request_uri-form-param
    par-attempt-invalid-http-method
    par-ensure-pkce-required
    ensure-pkce-code-verifier-required
    incorrect-pkce-code-verifier-rejected
    par-plain-pkce-rejected
    par-without-duplicate-parameters
    par-test-array-as-audience-fails
    par-test-par-endpoint-url-as-audience-fails
    par-test-token-endpoint-url-as-audience-fails
"""
PLANS: Final = {
    OIDC_BASIC: tuple(_BASIC_NAMES.split()),
    FAPI2: tuple(_FAPI2_PREFIX + name for name in _FAPI2_NAMES.split()),
}


@dataclass(frozen=True, slots=True)
class Module:
    """One module and the client profile its test runs under. `note`: how far the suite itself would go."""

    plan: str
    name: str
    profile: str
    note: str = ""


def basic(name: str, note: str = "") -> Callable[[Test], Test]:
    """Marks the test of a module of the plan OpenID Connect Basic; the client's profile is oidc_basic."""
    return _marked(Module(OIDC_BASIC, name, "oidc_basic", note))


def fapi2(name: str, note: str = "") -> Callable[[Test], Test]:
    """Marks the test of a module of the plan FAPI 2.0 Security Profile (`name` without its common prefix)."""
    return _marked(Module(FAPI2, _FAPI2_PREFIX + name, "fapi2", note))


@dataclass(frozen=True, slots=True)
class Implementation:
    """A client that nobody here wrote, run unmodified as a process, and the profile it runs under."""

    package: str
    profile: str
    does: str


def implementation(package: str, profile: str, does: str) -> Callable[[Test], Test]:
    """Marks a test that drives `package`."""

    def mark(test: Test) -> Test:
        setattr(test, _MARK, Implementation(package, profile, does))
        return test

    return mark


def mark_of(test: object) -> Module | Implementation | None:
    found = getattr(test, _MARK, None)
    return found if isinstance(found, Module | Implementation) else None


def _marked(module: Module) -> Callable[[Test], Test]:
    if module.name not in PLANS[module.plan]:
        raise ValueError(f"{module.plan} has no module {module.name}")

    def mark(test: Test) -> Test:
        short = module.name.removeprefix(_FAPI2_PREFIX)
        if getattr(test, "__name__", "") != "test_" + short.replace("-", "_").lower():
            raise ValueError(f"the test of {module.name} carries its name")
        setattr(test, _MARK, module)
        return test

    return mark
