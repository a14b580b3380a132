"""What backends.toml says of the connection, checked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from pipelex_core.errors import AuthenticationError, BadRequestError
from pipelex_core.headers import check_key
from pipelex_core.hiding import hide
from pipelex_core.specs import Secret

if TYPE_CHECKING:
    from pipelex_core.specs import BackendConfig

Access = Literal["bearer", "signed", "chain"]

MAX_CONCURRENCY = 64
_PATTERNS = {
    "batch_s3_uri": (r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+)*/?", "s3://bucket/folder"),
    "batch_role_arn": (r"arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+", "arn:aws:iam::123456789012:role/batches"),
}
"""What AWS takes: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html."""
READ_TIMEOUT = 3600.0


@frozen(kw_only=True)
class Settings:
    """How to reach Bedrock, and as whom.

    Attributes:
        region: AWS region.
        endpoint: Address that replaces AWS's own, or None.
        access: `bearer` with `api_key`; `signed` with the credentials named here, whatever the environment holds;
            `chain` leaves it to AWS's own chain.
        api_key: A Bedrock API key, sent as bearer token.
        access_key_id: With `secret_access_key`.
        secret_access_key: With `access_key_id`.
        session_token: Of a temporary access key.
        profile: A profile of `~/.aws`.
        role_arn: A role to assume with the credentials above, or those of the chain.
        max_concurrency: Threads and pooled connections; as many as the backend's limits allow at once.
        read_timeout: Longest silence of the provider, in seconds.
        batch_s3_uri: Where the records and results of batches are, or None.
        batch_role_arn: The role by which Bedrock reads and writes them.
        s3_endpoint: Address that replaces that of S3, or None.
        jobs_endpoint: Address that replaces that of Bedrock's control plane; None for `endpoint`.
    """

    region: str
    endpoint: str | None = None
    access: Access = "chain"
    api_key: str | None = field(default=None, repr=False)
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    role_arn: str | None = None
    max_concurrency: int = MAX_CONCURRENCY
    read_timeout: float = READ_TIMEOUT
    batch_s3_uri: str | None = None
    batch_role_arn: str | None = None
    s3_endpoint: str | None = None
    jobs_endpoint: str | None = None

    def endpoint_of(self, service: str) -> str | None:
        """The address that replaces AWS's own for a service, or None."""
        if service == "s3":
            return self.s3_endpoint
        return (self.jobs_endpoint if service == "bedrock" else None) or self.endpoint

    def redact(self, text: str) -> str:
        """The text without the secrets named here."""
        for secret in (self.api_key, self.secret_access_key, self.session_token):
            if secret:
                text = hide(text, secret)
        return text


def read_settings(config: BackendConfig) -> Settings:
    """The settings of a backend. An API key goes before a profile, and a profile before a pair of keys.

    That order is not a matter of taste: the plugin's own defaults fill the pair in from its variables, so a table that
    names an API key or a profile means just that.

    Raises:
        AuthenticationError: Credentials that contradict each other, or half a pair of keys.
        BadRequestError: No region, or a number that makes no sense.
    """
    region = _text(config, "aws_region")
    if region is None:
        msg = f"backend '{config.name}' needs aws_region, such as us-east-1"
        raise BadRequestError(msg)
    check_key(config.api_key)
    api_key = (config.api_key.reveal() if config.api_key else None) or None
    profile, role = _text(config, "aws_profile"), _text(config, "aws_role_arn")
    if api_key and (profile or role):
        msg = f"backend '{config.name}' has an api_key and {'aws_profile' if profile else 'aws_role_arn'}: keep one"
        raise AuthenticationError(msg)
    keys = {} if api_key or profile else _keys(config)
    return Settings(
        region=region,
        endpoint=config.endpoint or None,
        access="bearer" if api_key else "signed" if keys or profile or role else "chain",
        api_key=api_key,
        profile=profile,
        role_arn=role,
        max_concurrency=(config.limits and config.limits.max_concurrency) or MAX_CONCURRENCY,
        read_timeout=_positive(config, "read_timeout", READ_TIMEOUT),
        s3_endpoint=_text(config, "s3_endpoint"),
        jobs_endpoint=_text(config, "jobs_endpoint"),
        **_batches(config, bears=bool(api_key)),
        **keys,
    )


def _batches(config: BackendConfig, *, bears: bool) -> dict[str, str | None]:
    """Where batches are, and by which role: both, or nothing."""
    places = {name: _text(config, name) for name in _PATTERNS}
    if not any(places.values()):
        return {}
    for name, (pattern, example) in _PATTERNS.items():
        if not re.fullmatch(pattern, places[name] or ""):
            msg = f"backend '{config.name}' needs {name} for batches, such as {example}, not {places[name]!r}"
            raise BadRequestError(msg)
    if bears:
        msg = f"backend '{config.name}' has an api_key, which S3 does not take: batches need AWS credentials"
        raise AuthenticationError(msg)
    return places


def _keys(config: BackendConfig) -> dict[str, str | None]:
    """The pair of keys and its session token, or nothing."""
    names = ("access_key_id", "secret_access_key", "session_token")
    keys = {name: _text(config, f"aws_{name}") for name in names}
    if not any(keys.values()):
        return {}
    missing = [f"aws_{name}" for name in names[:2] if keys[name] is None]
    if missing:
        msg = f"backend '{config.name}' lacks {' and '.join(missing)}, beside the other keys"
        raise AuthenticationError(msg)
    return keys


def _text(config: BackendConfig, name: str) -> str | None:
    """An option, with the empty string as none."""
    value = config.options.get(name)
    return (value.reveal() if isinstance(value, Secret) else value) or None


def _positive(config: BackendConfig, name: str, default: float) -> float:
    value = config.options.get(name, default)
    if not isinstance(value, (int, float)) or value <= 0:
        msg = f"backend '{config.name}': {name} must be above 0, not {value!r}"
        raise BadRequestError(msg)
    return value
