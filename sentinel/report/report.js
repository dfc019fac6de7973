"use strict";
(function () {
  const words = document.body.dataset;

  document.querySelectorAll("[data-tools]").forEach(function (box, index) {
    const body = box.querySelector("tbody");
    const rows = Array.from(body.rows);
    const grouped = rows.some(function (row) { return row.classList.contains("group"); });
    const id = "search-" + index;

    const tools = document.createElement("div");
    tools.className = "tools";
    const label = document.createElement("label");
    label.htmlFor = id;
    label.textContent = words.search;
    const input = document.createElement("input");
    input.type = "search";
    input.id = id;
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    tools.append(label, input, count);
    box.prepend(tools);

    input.addEventListener("input", function () {
      const wanted = input.value.trim().toLowerCase();
      let group = null;
      let shown = 0;
      rows.forEach(function (row) {
        if (row.classList.contains("group")) {
          group = row;
          group.hidden = wanted !== "";
          return;
        }
        const found = row.textContent.toLowerCase().includes(wanted);
        row.hidden = !found;
        if (found) {
          shown += 1;
          if (group) { group.hidden = false; }
        }
      });
      count.textContent = wanted ? shown + " " + words.rows : "";
    });

    if (grouped) { return; }
    const heads = Array.from(box.querySelectorAll("thead th"));
    heads.forEach(function (head, column) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.setAttribute("aria-label", words.sort + ": " + head.textContent);
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", function () {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = function (row) { return row.cells[column].textContent.trim(); };
        const number = function (text) { return parseFloat(text.replace(/[,%\s]/g, "")); };
        rows.slice().sort(function (a, b) {
          const x = value(a), y = value(b), i = number(x), j = number(y);
          const order = isNaN(i) || isNaN(j) ? x.localeCompare(y, document.documentElement.lang) : i - j;
          return down ? -order : order;
        }).forEach(function (row) { body.append(row); });
      });
    });
  });
}());
