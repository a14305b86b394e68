// Tables sort by the column whose heading is clicked, numbers and intervals by their first number; cells without a value stay last.
(() => {
  "use strict";
  const key = (row, column) => row.cells[column].dataset.order;

  const compare = (numeric, down) => (a, b) => {
    if (a.key === "" || b.key === "") return (a.key === "") - (b.key === "");
    const order = numeric ? parseFloat(a.key) - parseFloat(b.key) : a.key.localeCompare(b.key, "en", { numeric: true });
    return down ? -order : order;
  };

  const sort = (table, column) => {
    const headings = [...table.tHead.rows[0].cells];
    const heading = headings[column];
    const numeric = heading.classList.contains("number");
    // The first click shows the largest number, or the first text, on top.
    const was = heading.getAttribute("aria-sort");
    const down = was === "none" ? numeric : was === "ascending";
    headings.forEach((other) => other.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => ({ row, key: key(row, column) }));
    rows.sort(compare(numeric, down)); // stable: equal rows keep the order of the sort before
    table.tBodies[0].append(...rows.map((entry) => entry.row));
  };

  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => sort(table, column));
    });
  }

  for (const input of document.querySelectorAll("input[data-filter]")) {
    const rows = [...document.querySelectorAll(`#${input.dataset.filter} tbody tr`)];
    const shown = document.querySelector(`[data-shown="${input.dataset.filter}"]`);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        count += !row.hidden;
      }
      shown.textContent = count === rows.length ? `${count} rows` : `${count} of ${rows.length} rows`;
    });
  }
})();
