"use strict";
// Everything that comes from the gateway is put in as text, never as markup: names of keys and handles may be anything.

const $ = (id) => document.getElementById(id);
const EVERY_MS = 2000;
let timer = null;
let answering = null;

function fill(table, heads, rows) {
  const head = document.createElement("tr");
  for (const name of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = name;
    head.append(cell);
  }
  const made = rows.map((row) => {
    const line = document.createElement("tr");
    for (const value of row) {
      const cell = document.createElement("td");
      if (typeof value === "number") cell.className = "number";
      cell.textContent = value === null || value === undefined ? "–" : String(value);
      line.append(cell);
    }
    return line;
  });
  if (!made.length) {
    const line = document.createElement("tr");
    const cell = document.createElement("td");
    cell.colSpan = heads.length;
    cell.textContent = "Nothing yet";
    line.append(cell);
    made.push(line);
  }
  table.replaceChildren(head, ...made);
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] : null;
}

function show(figures) {
  const notes = [`${figures.in_flight} under way`];
  if (figures.is_draining) notes.push("about to end");
  if (figures.deck_fault) notes.push("the last reload of the deck failed");
  $("state").textContent = notes.join(" · ");
  fill($("keys"), ["Key", "Today, US$", "Budget", "This month, US$", "Budget", "In all, US$", "Calls", "Handles", "State"],
    figures.keys.map((key) => [key.name, Number(key.day_spent), key.day_budget, Number(key.month_spent), key.month_budget,
      Number(key.total_spent), key.calls, key.handles.join(", ") || "all", key.revoked ? "revoked" : "in use"]));
  const sums = new Map();
  for (const use of figures.uses) {
    const place = JSON.stringify([use.handle, use.model, use.backend]);
    const sum = sums.get(place) || { calls: 0, errors: 0, input: 0, output: 0, usd: 0, millis: 0 };
    sum.calls += use.calls; sum.errors += use.errors; sum.input += use.input_tokens; sum.output += use.output_tokens;
    sum.usd += Number(use.usd); sum.millis += use.millis;
    sums.set(place, sum);
  }
  fill($("uses"), ["Handle", "Model", "Backend", "Calls", "Errors", "Tokens in", "Tokens out", "US$", "Mean ms", "p50 ms", "p95 ms"],
    [...sums].map(([place, sum]) => {
      const [handle, model, backend] = JSON.parse(place);
      const times = figures.recent.filter((each) => each.handle === handle && each.model === model).map((each) => each.ms);
      return [handle, model, backend, sum.calls, sum.errors, sum.input, sum.output, Number(sum.usd.toFixed(6)),
        Math.round(sum.millis / sum.calls), percentile(times, 0.5), percentile(times, 0.95)];
    }));
  fill($("recent"), ["Time", "Key", "Route", "Handle", "Model", "Status", "ms", "Error"],
    figures.recent.slice(-20).reverse().map((each) => [each.time, each.key, each.route, each.handle, each.model, each.status, each.ms, each.error]));
}

async function look() {
  clearTimeout(timer);
  const key = sessionStorage.getItem("admin");
  if (!key) return;
  try {
    const answer = await fetch("admin/figures", { headers: { authorization: `Bearer ${key}` } });
    if (answer.status === 401) {
      sessionStorage.removeItem("admin");
      $("main").hidden = true;
      $("unlock").hidden = false;
      $("fault").textContent = "This is not the admin key of the gateway.";
      return;
    }
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const figures = await answer.json();
    const first = $("main").hidden;
    $("unlock").hidden = true;
    $("main").hidden = false;
    $("fault").textContent = "";
    show(figures);
    if (first) await handles();
  } catch (error) {
    $("state").textContent = `The gateway does not answer: ${error.message}`;
  }
  timer = setTimeout(look, EVERY_MS);
}

async function handles() {
  const headers = $("key").value ? { authorization: `Bearer ${$("key").value}` } : {};
  const answer = await fetch("v1/models", { headers });
  if (!answer.ok) return;
  const named = (await answer.json()).data.filter((model) => model.capability === "llm");
  $("handle").replaceChildren(...named.map((model) => new Option(model.id, model.id)));
}

async function ask(event) {
  event.preventDefault();
  answering = new AbortController();
  $("stop").disabled = false;
  $("answer").textContent = "";
  const headers = { "content-type": "application/json" };
  if ($("key").value) headers.authorization = `Bearer ${$("key").value}`;
  const messages = [{ role: "user", content: $("prompt").value }];
  try {
    const answer = await fetch("v1/chat/completions", {
      method: "POST", headers, signal: answering.signal,
      body: JSON.stringify({ model: $("handle").value, messages, stream: true }),
    });
    if (!answer.ok) {
      $("answer").textContent = (await answer.json()).error.message;
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        if (!line.startsWith("data: {")) continue;
        const piece = JSON.parse(line.slice(6));
        $("answer").textContent += piece.error ? `\n${piece.error.message}` : piece.choices[0]?.delta.content ?? "";
      }
    }
  } catch (error) {
    if (error.name !== "AbortError") $("answer").textContent += `\n${error.message}`;
  } finally {
    $("stop").disabled = true;
  }
}

$("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("admin", $("admin").value);
  $("admin").value = "";
  look();
});
$("ask").addEventListener("submit", ask);
$("stop").addEventListener("click", () => answering && answering.abort());
$("key").addEventListener("change", handles);
look();
