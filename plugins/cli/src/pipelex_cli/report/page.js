"use strict";
(() => {
  const search = document.getElementById("search");
  const usable = document.getElementById("usable");
  const capability = document.getElementById("capability");
  const backend = document.getElementById("backend");
  const shown = document.getElementById("shown");
  const rows = Array.from(document.querySelectorAll("tbody > tr"));
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));

  const fits = (row, words) =>
    words.every((word) => texts.get(row).includes(word)) &&
    (!usable.checked || row.dataset.usable !== "no") &&
    (!capability.value || !row.dataset.capability || row.dataset.capability === capability.value) &&
    (!backend.value || (row.dataset.backend || "").split("\n").includes(backend.value));

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      row.hidden = !fits(row, words);
      count += row.hidden ? 0 : 1;
    }
    for (const section of document.querySelectorAll("main > section")) {
      const own = Array.from(section.querySelectorAll("tbody > tr"));
      section.querySelector(".none").hidden = own.some((row) => !row.hidden);
      section.querySelector(".scroll").hidden = own.every((row) => row.hidden);
    }
    shown.textContent = `${count} of ${rows.length} entries shown`;
  };

  const value = (row, column) => {
    const cell = row.children[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim() : cell.dataset.sort;
  };

  const compare = (one, other) => {
    if (one === "" || other === "") return (one === "") - (other === "");
    const difference = Number(one) - Number(other);
    return Number.isNaN(difference) ? one.localeCompare(other, "en", { numeric: true }) : difference;
  };

  const sort = (button) => {
    const heading = button.closest("th");
    const descending = heading.getAttribute("aria-sort") === "ascending";
    for (const each of heading.parentElement.children) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const column = heading.cellIndex;
    const body = heading.closest("table").tBodies[0];
    const sorted = Array.from(body.rows).sort((one, other) => {
      const [first, second] = [value(one, column), value(other, column)];
      return first === "" || second === "" || !descending ? compare(first, second) : compare(second, first);
    });
    body.append(...sorted);
  };

  for (const control of [search, usable, capability, backend]) control.addEventListener("input", filter);
  document.querySelector(".bar form").addEventListener("submit", (event) => event.preventDefault());
  for (const button of document.querySelectorAll("thead button")) button.addEventListener("click", () => sort(button));
  document.addEventListener("keydown", (event) => {
    const writing = event.target instanceof Element && event.target.closest("input, select, textarea");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "Escape" && event.target === search && search.value) {
      event.preventDefault();
      search.value = "";
      filter();
    }
  });
  filter();
})();
