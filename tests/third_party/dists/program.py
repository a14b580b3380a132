"""What a user of the three distributions writes: text, a stream, an object, from both providers."""

import json
import sys
from dataclasses import dataclass

from pipelex_core import Client


@dataclass
class City:
    name: str
    is_capital: bool


reported = {}
with Client.from_project() as client:
    for model in sys.argv[1:]:
        text = client.generate_text("Write to ann@example.com.", model=model, system="From bob@example.org.")
        with client.stream_text("Write to ann@example.com.", model=model) as stream:
            pieces = list(stream)
        city = client.generate_object("The capital of France, says eve@example.net.", City, model=model)
        reported[model] = {
            "text": text.text,
            "backend": text.backend,
            "tokens": text.usage.input_tokens,
            "cost": str(text.cost.amount),
            "pieces": pieces,
            "city": [city.value.name, city.value.is_capital],
        }
print(json.dumps(reported))
