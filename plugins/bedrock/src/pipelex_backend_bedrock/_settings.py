"""What backends.toml says of the connection, checked."""

from __future__ import annotations

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
        **keys,
    )


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
