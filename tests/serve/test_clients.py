"""Further real clients, each in an environment of its own, against one gateway: the table of the plugin's page is made of these.

They are installed when the tests run, and so behind the slow marker: `pytest -m slow tests/serve/test_clients.py`. OpenAI's and
Anthropic's Python clients have modules of their own, which every run has.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from attrs import frozen

from tests.packaging.environments import ROOT
from tests.support.serving import Served, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAD = """
import json, os
URL = os.environ["GATEWAY"]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
"""


@frozen(kw_only=True)
class RealClient:
    """A client.

    Attributes:
        packages: What to install.
        program: What it does; it prints `ok NAME` for each task.
        tasks: The tasks, as the table has them.
        node: Whether it is a package of npm.
    """

    packages: tuple[str, ...]
    program: str
    tasks: tuple[str, ...]
    node: bool = False


CLIENTS = {
    "litellm": RealClient(
        packages=("litellm",),
        tasks=("text", "stream", "tools", "embeddings", "messages", "errors"),
        program="""
import litellm
o = {"api_base": URL + "/v1", "api_key": "x", "num_retries": 0}
hi = [{"role": "user", "content": "Hi"}]
assert litellm.completion(model="openai/m", messages=hi, **o).choices[0].message.content == "Mock answer to: Hi"; print("ok text")
said = "".join(p.choices[0].delta.content or "" for p in litellm.completion(model="openai/m", messages=hi, stream=True, **o))
assert said == "Mock answer to: Hi"; print("ok stream")
tools = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
first = litellm.completion(model="openai/caller", messages=hi, tools=tools, **o).choices[0].message
call = first.tool_calls[0]
assert "city" in json.loads(call.function.arguments)
after = [*hi, first.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
assert litellm.completion(model="openai/caller", messages=after, tools=tools, **o).choices[0].message.content; print("ok tools")
assert len(litellm.embedding(model="openai/vectors", input=["a", "b"], **o).data) == 2; print("ok embeddings")
got = litellm.completion(model="anthropic/m", messages=hi, api_base=URL, api_key="x")
assert got.choices[0].message.content == "Mock answer to: Hi"; print("ok messages")
try:
    litellm.completion(model="openai/nothing", messages=hi, **o)
except litellm.NotFoundError:
    print("ok errors")
""",
    ),
    "langchain": RealClient(
        packages=("langchain-openai", "langchain-anthropic"),
        tasks=("text", "stream", "tools", "object", "responses", "messages", "embeddings"),
        program="""
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel
class River(BaseModel):
    name: str
def weather(city: str) -> str:
    "The weather."
    return "sunny"
o = {"base_url": URL + "/v1", "api_key": "x", "max_retries": 0}
m = ChatOpenAI(model="m", **o)
assert m.invoke("Hi").content == "Mock answer to: Hi"; print("ok text")
assert "".join(p.content for p in m.stream("Hi")) == "Mock answer to: Hi"; print("ok stream")
bound = ChatOpenAI(model="caller", **o).bind_tools([weather])
first = bound.invoke("Hi")
call = first.tool_calls[0]
assert call["name"] == "weather"
from langchain_core.messages import HumanMessage, ToolMessage
assert bound.invoke([HumanMessage("Hi"), first, ToolMessage("sunny", tool_call_id=call["id"])]).content; print("ok tools")
assert isinstance(m.with_structured_output(River, method="json_schema").invoke("A river"), River); print("ok object")
said = ChatOpenAI(model="m", use_responses_api=True, **o)
assert "Mock answer to: Hi" in str(said.invoke("Hi").content)
assert "Mock" in "".join(str(p.content) for p in said.stream("Hi")); print("ok responses")
claude = ChatAnthropic(model="m", base_url=URL, api_key="x", max_retries=0)
assert claude.invoke("Hi").content == "Mock answer to: Hi"
assert "".join(str(p.content) for p in claude.stream("Hi")); print("ok messages")
assert len(OpenAIEmbeddings(model="vectors", check_embedding_ctx_length=False, **o).embed_query("a")) == 8; print("ok embeddings")
""",
    ),
    "instructor": RealClient(
        packages=("instructor", "openai"),
        tasks=("object", "tools"),
        program="""
import instructor, openai
from pydantic import BaseModel
class River(BaseModel):
    name: str
client = openai.OpenAI(base_url=URL + "/v1", api_key="x", max_retries=0)
hi = [{"role": "user", "content": "A river"}]
js = instructor.from_openai(client, mode=instructor.Mode.JSON_SCHEMA)
assert isinstance(js.chat.completions.create(model="m", messages=hi, response_model=River), River); print("ok object")
tools = instructor.from_openai(client, mode=instructor.Mode.TOOLS)
assert isinstance(tools.chat.completions.create(model="m", messages=hi, response_model=River), River); print("ok tools")
""",
    ),
    "pydantic-ai": RealClient(
        packages=("pydantic-ai-slim[openai]",),
        tasks=("text", "tools", "object"),
        program="""
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
class River(BaseModel):
    name: str
provider = OpenAIProvider(base_url=URL + "/v1", api_key="x")
model = lambda name: OpenAIChatModel(name, provider=provider)
assert Agent(model("m")).run_sync("Hi").output == "Mock answer to: Hi"; print("ok text")
agent, asked = Agent(model("caller")), []
@agent.tool_plain
def weather(city: str) -> str:
    "The weather."
    asked.append(city)
    return "sunny"
assert agent.run_sync("Hi").output and asked; print("ok tools")
assert isinstance(Agent(model("m"), output_type=River).run_sync("A river").output, River); print("ok object")
""",
    ),
    "llm": RealClient(
        packages=("llm",),
        tasks=("text", "stream"),
        program="""
import pathlib, subprocess, sys
home = pathlib.Path(os.environ["HOME"]) / "llm"
home.mkdir(exist_ok=True)
(home / "extra-openai-models.yaml").write_text(f"- model_id: gateway\\n  model_name: m\\n  api_base: {URL}/v1\\n")
run = lambda *more: subprocess.run([sys.executable, "-m", "llm", "-m", "gateway", "--key", "x", *more, "Hi"], env={**os.environ, "LLM_USER_PATH": str(home)}, capture_output=True, text=True, check=True).stdout
assert "Mock answer to: Hi" in run("--no-stream"); print("ok text")
assert "Mock answer to: Hi" in run(); print("ok stream")
""",
    ),
    "openai-agents": RealClient(
        packages=("openai-agents",),
        tasks=("text", "tools", "responses"),
        program="""
from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI
set_tracing_disabled(True)
client = AsyncOpenAI(base_url=URL + "/v1", api_key="x", max_retries=0)
chat = lambda name: OpenAIChatCompletionsModel(model=name, openai_client=client)
assert Runner.run_sync(Agent(name="a", model=chat("m")), "Hi").final_output == "Mock answer to: Hi"; print("ok text")
asked = []
@function_tool
def weather(city: str) -> str:
    "The weather."
    asked.append(city)
    return "sunny"
assert Runner.run_sync(Agent(name="a", model=chat("caller"), tools=[weather]), "Hi").final_output and asked; print("ok tools")
said = Runner.run_sync(Agent(name="a", model=OpenAIResponsesModel(model="m", openai_client=client)), "Hi")
assert said.final_output == "Mock answer to: Hi"; print("ok responses")
""",
    ),
    "Vercel AI SDK": RealClient(
        packages=("ai@6", "@ai-sdk/openai@3", "@ai-sdk/anthropic@3", "zod@4"),
        node=True,
        tasks=("text", "stream", "tools", "object", "responses", "messages", "embeddings"),
        program="""
import { embed, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { z } from "zod";
const URL_ = process.env.GATEWAY;
const openai = createOpenAI({ baseURL: URL_ + "/v1", apiKey: "x" });
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
const answer = "Mock answer to: Hi";
same((await generateText({ model: openai.chat("m"), prompt: "Hi" })).text, answer); console.log("ok text");
same(await streamText({ model: openai.chat("m"), prompt: "Hi" }).text, answer); console.log("ok stream");
let asked = 0;
const tools = { weather: tool({ description: "w", inputSchema: z.object({ city: z.string() }), execute: async () => { asked++; return "sunny"; } }) };
const ran = await generateText({ model: openai.chat("caller"), prompt: "Hi", tools, stopWhen: stepCountIs(3) });
if (!asked || !ran.text) throw new Error("no tool was asked for"); console.log("ok tools");
const made = await generateObject({ model: openai.chat("m"), schema: z.object({ name: z.string() }), prompt: "A river" });
same(typeof made.object.name, "string"); console.log("ok object");
same((await generateText({ model: openai.responses("m"), prompt: "Hi" })).text, answer);
same(await streamText({ model: openai.responses("m"), prompt: "Hi" }).text, answer); console.log("ok responses");
const claude = createAnthropic({ baseURL: URL_ + "/v1", apiKey: "x" });
same((await generateText({ model: claude("m"), prompt: "Hi" })).text, answer);
same(await streamText({ model: claude("m"), prompt: "Hi" }).text, answer); console.log("ok messages");
same((await embed({ model: openai.textEmbeddingModel("vectors"), value: "a" })).embedding.length, 8); console.log("ok embeddings");
""",
    ),
    "anthropic (Node)": RealClient(
        packages=("@anthropic-ai/sdk",),
        node=True,
        tasks=("messages", "stream", "models", "errors"),
        program="""
import Anthropic from "@anthropic-ai/sdk";
const client = new Anthropic({ baseURL: process.env.GATEWAY, apiKey: "x", maxRetries: 0 });
const asked = { model: "m", max_tokens: 50, messages: [{ role: "user", content: "Hi" }] };
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
same((await client.messages.create(asked)).content[0].text, "Mock answer to: Hi"); console.log("ok messages");
same((await client.messages.stream(asked).finalMessage()).content[0].text, "Mock answer to: Hi"); console.log("ok stream");
const names = []; for await (const model of client.models.list()) names.push(model.id);
same(names.includes("brief"), true); console.log("ok models");
try { await client.messages.create({ ...asked, model: "nothing" }); } catch (error) { same(error.status, 404); console.log("ok errors"); }
""",
    ),
}

PAGE = ROOT / "plugins" / "serve" / "README.md"


def table_rows() -> str:
    """The rows of the table in the plugin's page, as these tests have them."""
    return "\n".join(f"| {name} | {', '.join(client.tasks)} |" for name, client in CLIENTS.items())


def test_the_table_of_the_page_is_what_is_tested() -> None:
    """No client is named that no test runs, and no task."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"\| client \| tested \|\n\|---\|---\|\n((?:\|.*\n)+)", text)
    assert found is not None
    rows = [row for row in found[1].strip().split("\n") if "(Python)" not in row]
    assert "\n".join(rows) == table_rows()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("clients")) as served:
        yield served


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIENTS)
def test_a_real_client_is_answered(served: Served, tmp_path: Path, name: str) -> None:
    """It does each of its tasks."""
    client = CLIENTS[name]
    environ = {**os.environ, "GATEWAY": served.url, "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    if client.node:
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("there is no npm")
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", *client.packages], cwd=tmp_path, check=True, capture_output=True
        )
        (tmp_path / "program.mjs").write_text(client.program)
        command = ["node", "program.mjs"]
    else:
        python = tmp_path / "venv" / "bin" / "python"
        uv = [sys.executable, "-m", "uv"]
        subprocess.run(
            [*uv, "venv", "--quiet", "--python", sys.executable, str(tmp_path / "venv")],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--python", str(python), *client.packages],
            check=True,
            capture_output=True,
        )
        (tmp_path / "program.py").write_text(HEAD + client.program)
        command = [str(python), "program.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line.removeprefix("ok ") for line in done.stdout.splitlines() if line.startswith("ok ")] == list(
        client.tasks
    )
