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
const again = await generateText({ model: openai.responses("caller"), prompt: "Hi", tools, stopWhen: stepCountIs(3) });
if (asked !== 2 || !again.text) throw new Error("no tool was asked for in a response");
same(await streamText({ model: openai.responses("m"), prompt: "Hi" }).text, answer); console.log("ok responses");
const claude = createAnthropic({ baseURL: URL_ + "/v1", apiKey: "x" });
same((await generateText({ model: claude("m"), prompt: "Hi" })).text, answer);
same(await streamText({ model: claude("m"), prompt: "Hi" }).text, answer); console.log("ok messages");
same((await embed({ model: openai.textEmbeddingModel("vectors"), value: "a" })).embedding.length, 8); console.log("ok embeddings");
""",
    ),
    "LlamaIndex": RealClient(
        packages=("llama-index-llms-openai-like", "llama-index-embeddings-openai-like"),
        tasks=("text", "stream", "tools", "object", "completions", "embeddings"),
        program="""
import asyncio
from llama_index.core.llms import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel
class River(BaseModel):
    name: str
o = {"api_base": URL + "/v1", "api_key": "x"}
make = lambda name: OpenAILike(model=name, is_chat_model=True, is_function_calling_model=True, max_retries=0, **o)
hi = [ChatMessage(role="user", content="Hi")]
assert make("m").chat(hi).message.content == "Mock answer to: Hi"
assert asyncio.run(make("m").achat(hi)).message.content == "Mock answer to: Hi"; print("ok text")
assert "".join(p.delta or "" for p in make("m").stream_chat(hi)) == "Mock answer to: Hi"; print("ok stream")
def weather(city: str) -> str:
    "The weather."
    return "sunny"
tool = FunctionTool.from_defaults(weather)
first = make("caller").chat_with_tools([tool], user_msg="Hi")
call = make("caller").get_tool_calls_from_response(first)[0]
assert call.tool_name == "weather"
after = [*hi, first.message, ChatMessage(role="tool", content="sunny", additional_kwargs={"tool_call_id": call.tool_id})]
assert make("caller").chat_with_tools([tool], chat_history=after).message.content; print("ok tools")
assert isinstance(make("m").structured_predict(River, PromptTemplate("A river")), River); print("ok object")
assert str(make("m").complete("Hi")) == "Mock answer to: Hi"; print("ok completions")
assert len(OpenAILikeEmbedding(model_name="vectors", **o).get_text_embedding("a")) == 8; print("ok embeddings")
""",
    ),
    "DSPy": RealClient(
        packages=("dspy", "numpy", "litellm"),
        tasks=("text", "responses", "messages", "embeddings"),
        program="""
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import dspy
ask = lambda name, url=URL + "/v1", **more: dspy.LM(name, api_base=url, api_key="x", cache=False, **more)("Hi")
assert "Mock answer to: Hi" in str(ask("openai/m")); print("ok text")
assert "Mock answer to: Hi" in str(ask("openai/m", model_type="responses")); print("ok responses")
assert "Mock answer to: Hi" in str(ask("anthropic/m", URL)); print("ok messages")
assert len(dspy.Embedder("openai/vectors", api_base=URL + "/v1", api_key="x")(["a"])[0]) == 8; print("ok embeddings")
""",
    ),
    "smolagents": RealClient(
        packages=("smolagents[openai]",),
        tasks=("text", "stream", "tools"),
        program="""
from smolagents import ChatMessage, OpenAIServerModel, tool
@tool
def weather(city: str) -> str:
    \"\"\"The weather.

    Args:
        city: A city.
    \"\"\"
    return "sunny"
make = lambda name: OpenAIServerModel(model_id=name, api_base=URL + "/v1", api_key="x")
hi = [ChatMessage(role="user", content=[{"type": "text", "text": "Hi"}])]
assert make("m").generate(hi).content == "Mock answer to: Hi"; print("ok text")
assert "".join(p.content or "" for p in make("m").generate_stream(hi)) == "Mock answer to: Hi"; print("ok stream")
assert make("caller").generate(hi, tools_to_call_from=[weather]).tool_calls[0].function.name == "weather"; print("ok tools")
""",
    ),
    "Haystack": RealClient(
        packages=("haystack-ai",),
        tasks=("text", "stream", "tools", "responses", "embeddings"),
        program="""
os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator, OpenAIResponsesChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import Tool
from haystack.utils import Secret
o = {"api_key": Secret.from_token("x"), "api_base_url": URL + "/v1"}
make = lambda name, **more: OpenAIChatGenerator(model=name, max_retries=0, **o, **more)
hi, pieces = [ChatMessage.from_user("Hi")], []
assert make("m").run(hi)["replies"][0].text == "Mock answer to: Hi"; print("ok text")
make("m", streaming_callback=lambda piece: pieces.append(piece.content)).run(hi)
assert "".join(pieces) == "Mock answer to: Hi"; print("ok stream")
tools = [Tool(name="weather", description="The weather.", parameters=PARAMETERS, function=lambda city: "sunny")]
first = make("caller", tools=tools).run(hi)["replies"][0]
after = [*hi, first, ChatMessage.from_tool("sunny", origin=first.tool_calls[0])]
assert make("caller", tools=tools).run(after)["replies"][0].text; print("ok tools")
assert OpenAIResponsesChatGenerator(model="m", **o).run(hi)["replies"][0].text == "Mock answer to: Hi"; print("ok responses")
assert len(OpenAITextEmbedder(model="vectors", **o).run("a")["embedding"]) == 8; print("ok embeddings")
""",
    ),
    "Semantic Kernel": RealClient(
        packages=("semantic-kernel",),
        tasks=("text", "stream", "tools", "embeddings"),
        program="""
import asyncio
from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings, OpenAITextEmbedding
from semantic_kernel.contents import ChatHistory
from semantic_kernel.functions import kernel_function
client, asked = AsyncOpenAI(base_url=URL + "/v1", api_key="x", max_retries=0), []
class Tools:
    @kernel_function(description="The weather.")
    def weather(self, city: str) -> str:
        asked.append(city)
        return "sunny"
async def main():
    history, settings = ChatHistory(), OpenAIChatPromptExecutionSettings()
    history.add_user_message("Hi")
    service = OpenAIChatCompletion("m", async_client=client)
    assert str(await service.get_chat_message_content(history, settings)) == "Mock answer to: Hi"; print("ok text")
    pieces = [str(piece) async for piece in service.get_streaming_chat_message_content(history, settings)]
    assert "".join(pieces) == "Mock answer to: Hi"; print("ok stream")
    kernel, caller = Kernel(), OpenAIChatCompletion("caller", async_client=client)
    kernel.add_plugin(Tools(), "tools")
    settings = OpenAIChatPromptExecutionSettings(function_choice_behavior=FunctionChoiceBehavior.Auto())
    assert str(await caller.get_chat_message_content(history, settings, kernel=kernel)) and asked; print("ok tools")
    vectors = await OpenAITextEmbedding("vectors", async_client=client).generate_embeddings(["a"])
    assert vectors.shape == (1, 8); print("ok embeddings")
asyncio.run(main())
""",
    ),
    "Google ADK": RealClient(
        packages=("google-adk", "litellm"),
        tasks=("text", "stream", "tools", "object"),
        program="""
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import asyncio
from google.adk.agents import Agent
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.models.lite_llm import LiteLlm
from google.adk.runners import InMemoryRunner
from google.genai import types
from pydantic import BaseModel
class River(BaseModel):
    name: str
asked = []
def weather(city: str) -> str:
    "The weather."
    asked.append(city)
    return "sunny"
async def run(name, mode=StreamingMode.NONE, **more):
    agent = Agent(name="a", model=LiteLlm(model=f"openai/{name}", api_base=URL + "/v1", api_key="x"), **more)
    runner = InMemoryRunner(agent, app_name="a")
    session = await runner.session_service.create_session(app_name="a", user_id="u")
    hi = types.Content(role="user", parts=[types.Part(text="Hi")])
    events = runner.run_async(user_id="u", session_id=session.id, new_message=hi, run_config=RunConfig(streaming_mode=mode))
    return [part.text async for event in events if event.content for part in event.content.parts if part.text]
async def main():
    assert await run("m") == ["Mock answer to: Hi"]; print("ok text")
    assert len(await run("m", StreamingMode.SSE)) > 2; print("ok stream")
    assert await run("caller", tools=[weather]) and asked; print("ok tools")
    assert json.loads((await run("m", output_schema=River))[-1])["name"]; print("ok object")
asyncio.run(main())
""",
    ),
    "Strands": RealClient(
        packages=("strands-agents[openai,anthropic]",),
        tasks=("text", "tools", "object", "messages"),
        program="""
from pydantic import BaseModel
from strands import Agent, tool
from strands.models.anthropic import AnthropicModel
from strands.models.openai import OpenAIModel
class River(BaseModel):
    "A river."
    name: str
asked = []
@tool
def weather(city: str) -> str:
    "The weather."
    asked.append(city)
    return "sunny"
make = lambda name: OpenAIModel(client_args={"base_url": URL + "/v1", "api_key": "x"}, model_id=name)
claude = lambda name: AnthropicModel(client_args={"base_url": URL, "api_key": "x"}, model_id=name, max_tokens=100)
run = lambda model, say="Hi", **more: Agent(model=model, callback_handler=None, **more)(say)
assert "Mock answer to: Hi" in str(run(make("m"))); print("ok text")
assert str(run(make("caller"), tools=[weather])) and len(asked) == 1; print("ok tools")
assert isinstance(run(make("m"), "A river", structured_output_model=River).structured_output, River); print("ok object")
assert "Mock answer to: Hi" in str(run(claude("m")))
assert str(run(claude("caller"), tools=[weather])) and len(asked) == 2; print("ok messages")
""",
    ),
    "Agno": RealClient(
        packages=("agno", "openai", "anthropic"),
        tasks=("text", "stream", "tools", "object", "responses", "messages"),
        program="""
os.environ["AGNO_TELEMETRY"] = "false"
from agno.agent import Agent
from agno.models.anthropic import Claude
from agno.models.openai import OpenAIResponses
from agno.models.openai.like import OpenAILike
from pydantic import BaseModel
class River(BaseModel):
    name: str
asked = []
def weather(city: str) -> str:
    "The weather."
    asked.append(city)
    return "sunny"
o = {"base_url": URL + "/v1", "api_key": "x"}
run = lambda model, say="Hi", **more: Agent(model=model, **more).run(say)
assert run(OpenAILike(id="m", **o)).content == "Mock answer to: Hi"; print("ok text")
assert "Mock" in "".join(str(e.content) for e in Agent(model=OpenAILike(id="m", **o)).run("Hi", stream=True)); print("ok stream")
assert run(OpenAILike(id="caller", **o), tools=[weather]).content and len(asked) == 1; print("ok tools")
assert isinstance(run(OpenAILike(id="m", **o), "A river", output_schema=River).content, River); print("ok object")
assert run(OpenAIResponses(id="m", **o)).content == "Mock answer to: Hi"
assert run(OpenAIResponses(id="caller", **o), tools=[weather]).content and len(asked) == 2; print("ok responses")
assert run(Claude(id="m", api_key="x", client_params={"base_url": URL})).content == "Mock answer to: Hi"; print("ok messages")
""",
    ),
    "AutoGen": RealClient(
        packages=("autogen-ext[openai]", "autogen-agentchat"),
        tasks=("text", "stream", "tools"),
        program="""
import asyncio
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
info = {"vision": False, "function_calling": True, "json_output": True, "family": "unknown", "structured_output": True}
make = lambda name: OpenAIChatCompletionClient(model=name, base_url=URL + "/v1", api_key="x", model_info=info, max_retries=0)
asked = []
async def weather(city: str) -> str:
    "The weather."
    asked.append(city)
    return "sunny"
async def main():
    hi = [UserMessage(content="Hi", source="user")]
    assert (await make("m").create(hi)).content == "Mock answer to: Hi"; print("ok text")
    said = "".join([p async for p in make("m").create_stream(hi) if isinstance(p, str)])
    assert said == "Mock answer to: Hi"; print("ok stream")
    ran = await AssistantAgent("a", make("caller"), tools=[weather], reflect_on_tool_use=True).run(task="Hi")
    assert asked and ran.messages[-1].content; print("ok tools")
asyncio.run(main())
""",
    ),
    "CrewAI": RealClient(
        packages=("crewai",),
        tasks=("text", "stream", "agents"),
        program="""
os.environ["CREWAI_DISABLE_TELEMETRY"] = os.environ["OTEL_SDK_DISABLED"] = "true"
from crewai import Agent, Crew, LLM, Task
make = lambda **more: LLM(model="openai/m", base_url=URL + "/v1", api_key="x", **more)
assert make().call("Hi") == "Mock answer to: Hi"; print("ok text")
assert make(stream=True).call("Hi") == "Mock answer to: Hi"; print("ok stream")
agent = Agent(role="r", goal="g", backstory="b", llm=make())
task = Task(description="Hi", expected_output="text", agent=agent)
assert "Mock answer to" in Crew(agents=[agent], tasks=[task]).kickoff().raw; print("\\nok agents")
""",
    ),
    "Aider": RealClient(
        packages=("aider-chat",),
        tasks=("text",),
        program="""
import subprocess, sys
keys = {"OPENAI_API_BASE": URL + "/v1", "OPENAI_API_KEY": "x", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
options = ["--no-show-model-warnings", "--no-check-update", "--no-git", "--yes-always", "--analytics-disable"]
command = [sys.executable, "-m", "aider", "--model", "openai/m", *options, "--message", "Hi"]
done = subprocess.run(command, env={**os.environ, **keys}, capture_output=True, text=True, check=True)
assert "Mock answer to" in done.stdout, done.stdout; print("ok text")
""",
    ),
    "mistralai": RealClient(
        packages=("mistralai",),
        tasks=("text", "stream", "tools", "embeddings"),
        program="""
from mistralai.client import Mistral
client = Mistral(api_key="x", server_url=URL)
hi = [{"role": "user", "content": "Hi"}]
assert client.chat.complete(model="m", messages=hi).choices[0].message.content == "Mock answer to: Hi"; print("ok text")
said = "".join(str(e.data.choices[0].delta.content or "") for e in client.chat.stream(model="m", messages=hi))
assert said == "Mock answer to: Hi"; print("ok stream")
tools = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
first = client.chat.complete(model="caller", messages=hi, tools=tools).choices[0].message
call = first.tool_calls[0]
after = [*hi, first, {"role": "tool", "tool_call_id": call.id, "name": "weather", "content": "sunny"}]
assert client.chat.complete(model="caller", messages=after, tools=tools).choices[0].message.content; print("ok tools")
assert len(client.embeddings.create(model="vectors", inputs=["a", "b"]).data) == 2; print("ok embeddings")
""",
    ),
    "openai (Node)": RealClient(
        packages=("openai",),
        node=True,
        tasks=("text", "stream", "tools", "object", "responses", "embeddings", "images", "speech", "models", "errors"),
        program="""
import OpenAI, { toFile } from "openai";
const client = new OpenAI({ baseURL: process.env.GATEWAY + "/v1", apiKey: "x", maxRetries: 0 });
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
const messages = [{ role: "user", content: "Hi" }], answer = "Mock answer to: Hi";
const schema = { type: "object", properties: { name: { type: "string" } }, required: ["name"], additionalProperties: false };
same((await client.chat.completions.create({ model: "m", messages })).choices[0].message.content, answer); console.log("ok text");
same(await client.chat.completions.stream({ model: "m", messages }).finalContent(), answer); console.log("ok stream");
let asked = 0;
const weather = { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } }, parse: JSON.parse, function: () => { asked++; return "sunny"; } };
const said = await client.chat.completions.runTools({ model: "caller", messages, tools: [{ type: "function", function: weather }] }).finalContent();
if (!asked || !said) throw new Error("no tool was asked for"); console.log("ok tools");
const parsed = await client.chat.completions.parse({ model: "m", messages, response_format: { type: "json_schema", json_schema: { name: "r", strict: true, schema } } });
same(typeof JSON.parse(parsed.choices[0].message.content).name, "string"); console.log("ok object");
same((await client.responses.create({ model: "m", input: "Hi" })).output_text, answer);
same((await client.responses.stream({ model: "m", input: "Hi" }).finalResponse()).output_text, answer); console.log("ok responses");
same((await client.embeddings.create({ model: "vectors", input: ["a", "b"] })).data[1].embedding.length, 8); console.log("ok embeddings");
same((await client.images.generate({ model: "painter", prompt: "a" })).data.length, 1); console.log("ok images");
const sound = await client.audio.speech.create({ model: "voice", voice: "alloy", input: "Hi", response_format: "wav" });
const file = await toFile(Buffer.from(await sound.arrayBuffer()), "a.wav");
same(typeof (await client.audio.transcriptions.create({ model: "ear", file })).text, "string"); console.log("ok speech");
const names = []; for await (const model of client.models.list()) names.push(model.id);
same(names.includes("brief"), true); same((await client.models.retrieve("m")).id, "m"); console.log("ok models");
try { await client.chat.completions.create({ model: "nothing", messages }); } catch (error) { same(error.status, 404); same(error.code, "model_not_found"); console.log("ok errors"); }
""",
    ),
    "langchain (Node)": RealClient(
        packages=("@langchain/openai", "@langchain/anthropic", "@langchain/core", "zod@4"),
        node=True,
        tasks=("text", "stream", "tools", "object", "responses", "messages", "embeddings"),
        program="""
import { ChatAnthropic } from "@langchain/anthropic";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { z } from "zod";
const o = { apiKey: "x", maxRetries: 0, configuration: { baseURL: process.env.GATEWAY + "/v1" } }, answer = "Mock answer to: Hi";
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
const flat = (content) => typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
const streamed = async (model) => { let all = ""; for await (const piece of await model.stream("Hi")) all += flat(piece.content); return all; };
const river = z.object({ name: z.string() }), chat = new ChatOpenAI({ model: "m", ...o });
same((await chat.invoke("Hi")).content, answer); console.log("ok text");
same(await streamed(chat), answer); console.log("ok stream");
const weather = tool(async () => "sunny", { name: "weather", description: "w", schema: z.object({ city: z.string() }) });
const bound = new ChatOpenAI({ model: "caller", ...o }).bindTools([weather]);
const first = await bound.invoke("Hi"), id = first.tool_calls[0].id;
if (!(await bound.invoke([new HumanMessage("Hi"), first, new ToolMessage({ content: "sunny", tool_call_id: id })])).content) throw new Error("no text"); console.log("ok tools");
for (const method of ["jsonSchema", "functionCalling"]) same(typeof (await chat.withStructuredOutput(river, { method }).invoke("A river")).name, "string"); console.log("ok object");
same(flat((await new ChatOpenAI({ model: "m", useResponsesApi: true, ...o }).invoke("Hi")).content), answer); console.log("ok responses");
const claude = new ChatAnthropic({ model: "m", apiKey: "x", anthropicApiUrl: process.env.GATEWAY, maxRetries: 0 });
same(flat((await claude.invoke("Hi")).content), answer); same(await streamed(claude), answer);
same(typeof (await claude.withStructuredOutput(river).invoke("A river")).name, "string"); console.log("ok messages");
same((await new OpenAIEmbeddings({ model: "vectors", ...o }).embedQuery("a")).length, 8); console.log("ok embeddings");
""",
    ),
    "openai-agents (Node)": RealClient(
        packages=("@openai/agents", "openai", "zod@4"),
        node=True,
        tasks=("text", "stream", "tools", "object", "responses"),
        program="""
import { Agent, run, setDefaultOpenAIClient, setOpenAIAPI, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";
setTracingDisabled(true);
setDefaultOpenAIClient(new OpenAI({ baseURL: process.env.GATEWAY + "/v1", apiKey: "x", maxRetries: 0 }));
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); }, answer = "Mock answer to: Hi";
let asked = 0;
const weather = tool({ name: "weather", description: "w", parameters: z.object({ city: z.string() }), execute: async () => { asked++; return "sunny"; } });
const all = async (log) => {
  same((await run(new Agent({ name: "a", instructions: "x", model: "m" }), "Hi")).finalOutput, answer); log("text");
  const streamed = await run(new Agent({ name: "a", model: "m" }), "Hi", { stream: true });
  for await (const _ of streamed); same(streamed.finalOutput, answer); log("stream");
  const before = asked;
  if (!(await run(new Agent({ name: "a", model: "caller", tools: [weather] }), "Hi")).finalOutput || asked === before) throw new Error("no tool"); log("tools");
  same(typeof (await run(new Agent({ name: "a", model: "m", outputType: z.object({ name: z.string() }) }), "A river")).finalOutput.name, "string"); log("object");
};
setOpenAIAPI("chat_completions"); await all((task) => console.log("ok " + task));
setOpenAIAPI("responses"); await all(() => {}); console.log("ok responses");
""",
    ),
    "LlamaIndex (Node)": RealClient(
        packages=("llamaindex", "@llamaindex/openai", "zod@4"),
        node=True,
        tasks=("text", "stream", "tools", "embeddings"),
        program="""
import { OpenAI, OpenAIEmbedding } from "@llamaindex/openai";
import { tool } from "llamaindex";
import { z } from "zod";
const o = { apiKey: "x", baseURL: process.env.GATEWAY + "/v1", maxRetries: 0 };
const make = (model) => new OpenAI({ model, ...o, supportToolCall: true });
const hi = [{ role: "user", content: "Hi" }];
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
same((await make("m").chat({ messages: hi })).message.content, "Mock answer to: Hi"); console.log("ok text");
let said = ""; for await (const piece of await make("m").chat({ messages: hi, stream: true })) said += piece.delta;
same(said, "Mock answer to: Hi"); console.log("ok stream");
const weather = tool({ name: "weather", description: "w", parameters: z.object({ city: z.string() }), execute: () => "sunny" });
const first = (await make("caller").chat({ messages: hi, tools: [weather] })).message;
const { id, name } = first.options.toolCall[0]; same(name, "weather");
const after = [...hi, first, { role: "user", content: "sunny", options: { toolResult: { id, result: "sunny", isError: false } } }];
same(typeof (await make("caller").chat({ messages: after, tools: [weather] })).message.content, "string"); console.log("ok tools");
same((await new OpenAIEmbedding({ model: "vectors", ...o }).getTextEmbedding("a")).length, 8); console.log("ok embeddings");
""",
    ),
    "Groq (Node)": RealClient(
        packages=("groq-sdk",),
        node=True,
        tasks=("text", "stream", "models"),
        program="""
import Groq from "groq-sdk";
const client = new Groq({ apiKey: "x", baseURL: process.env.GATEWAY, maxRetries: 0 });
const asked = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const same = (a, b) => { if (a !== b) throw new Error(`${a} is not ${b}`); };
same((await client.chat.completions.create(asked)).choices[0].message.content, "Mock answer to: Hi"); console.log("ok text");
let said = ""; for await (const piece of await client.chat.completions.create({ ...asked, stream: true })) said += piece.choices[0]?.delta?.content ?? "";
same(said, "Mock answer to: Hi"); console.log("ok stream");
same((await client.models.list()).data.some((model) => model.id === "brief"), true); console.log("ok models");
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
