"""What a wire takes of a conversation, as a declaration."""

from __future__ import annotations

from typing import Literal

from attrs import frozen


@frozen(kw_only=True)
class HistoryForm:
    """What a wire takes of a conversation, beyond what every wire takes.

    Attributes:
        provider: Whose `ProviderPart`s go along; those of all others stay here.
        call_id: Which ids of tool calls are legal, as a regular expression for all of the id.
        made_id: Characters of an id that replaces an illegal or repeated one: hexadecimal digits.
        call_name: Which names of tools are legal in calls, as `call_id`; None where the wire takes any.
        bridge: When the assistant has to speak between a tool's results and the user's next message: `never`, before a
            `document`, or `always`.
        audio: Whether messages may have sound in them; where not, it is refused.
        document_words: Whether a message with a document needs text beside it.
        opens_with_user: Whether the first message must be the user's.
        closes_with_user: Whether the last message must be the user's or a tool's: the model goes on with no words of its own.
        result_names: Whether a result must name its function: where the caller did not, it gets the name of its call.
        result_id: Where, in the data of a `ProviderPart`, the id of the call is that it answers, such as
            `("toolResult", "toolUseId")`: a result in the provider's own form, with pictures for example.
    """

    provider: str
    call_id: str = "[A-Za-z0-9_.:-]{1,64}"
    made_id: int = 24
    call_name: str | None = None
    bridge: Literal["never", "document", "always"] = "never"
    audio: bool = False
    document_words: bool = False
    opens_with_user: bool = False
    closes_with_user: bool = False
    result_names: bool = False
    result_id: tuple[str, ...] = ()
