"""How each provider says what a caller got wrong, or that it will not or cannot go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipelex_testing.wires import fal_queue as fal
from tests.servers import anthropic, bedrock, google, mistral, openai_server
from tests.servers.base import Reply

if TYPE_CHECKING:
    from tests.conformance.provider import Provider

End = Literal["length", "content_filter"]


def ended(provider: Provider, text: str, end: End) -> Reply:
    """A whole answer that ended before its time: by `max_tokens`, or because of its content."""
    is_cut = end == "length"
    match provider.sdk_module:
        case "openai" if "responses" in provider.sdk:
            why = {"reason": "max_output_tokens" if is_cut else "content_filter"}
            item = openai_server.message_item(text)
            return Reply.json(openai_server.response(item, status="incomplete", incomplete_details=why))
        case "openai":
            return Reply.json(openai_server.completion(text, finish_reason=end))
        case "anthropic":
            stop = "max_tokens" if is_cut else "refusal"
            return anthropic.replied(anthropic.message(anthropic.text(text), stop_reason=stop))
        case "mistralai":
            return Reply.json(mistral.message(text, finish_reason=end))
        case "google.genai":
            return Reply.json(google.answer({"text": text}, finish="MAX_TOKENS" if is_cut else "SAFETY"))
        case "botocore":
            return bedrock.message({"text": text}, stop="max_tokens" if is_cut else "content_filtered")
    raise LookupError(provider.name)


def wrong_key(provider: Provider) -> Reply:
    """What the provider says to a key it does not know."""
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    stated = {
        "openai": openai_server.error(401, "Incorrect API key provided", code="invalid_api_key"),
        "anthropic": anthropic.failure(401, "authentication_error", "invalid x-api-key"),
        "mistralai": Reply.json({"detail": "Unauthorized"}, status=401),
        "google.genai": google.error(400, "INVALID_ARGUMENT", "API key not valid.", reason),
        "botocore": bedrock.failure("UnrecognizedClientException", 403, "The security token is invalid."),
        "fal_client": fal.fault(401, "Cannot access application: authentication is required"),
    }
    if provider.name == "vertexai":
        return google.error(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    return stated[provider.sdk_module]


def bad_image(provider: Provider) -> Reply:
    """What the provider says to a picture it cannot read, or cannot fetch."""
    stated = {
        "openai": openai_server.error(400, "Error while downloading the image", code="invalid_image_url"),
        "anthropic": anthropic.failure(400, "invalid_request_error", "Unable to download the file."),
        "mistralai": mistral.fault(400, "Image could not be loaded", code="1901"),
        "google.genai": google.error(400, "INVALID_ARGUMENT", "Unable to process input image."),
        "botocore": bedrock.failure("ValidationException", 400, "Could not process image"),
    }
    return stated[provider.sdk_module]
