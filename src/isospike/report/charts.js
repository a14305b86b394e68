// Draws the charts in the colours of the page, again for another ground and for paper; legends hide and show series.
(() => {
  "use strict";
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const PAPER_WIDTH = 660; // pixels between the margins of A4, a little less than of US letter
  let onPaper = false;

  // Values of keys that end in "color" name a property of the page: "@grid" is --grid.
  const coloured = (value, key = "") => {
    if (Array.isArray(value)) return value.map((item) => coloured(item, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, coloured(item, name)]));
    }
    if (typeof value === "string" && value.startsWith("@") && /color$/.test(key)) {
      return getComputedStyle(root).getPropertyValue("--" + value.slice(1)).trim();
    }
    return value;
  };

  const hidden = (name) => {
    const buttons = document.querySelectorAll(`.legend[data-chart="${name}"] button[aria-pressed="false"]`);
    return new Set([...buttons].map((button) => Number(button.dataset.trace)));
  };

  const focused = (name) => document.querySelector(`[data-focus="${name}"]`)?.getAttribute("aria-pressed") === "true";

  const draw = (name) => {
    const figure = coloured(figures[name]);
    const off = hidden(name);
    figure.data.forEach((trace, index) => { trace.visible = !off.has(index); });
    if (focused(name)) figure.layout.yaxis.range = figure.focus;
    if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false; // a finger scrolls the page
    if (onPaper) figure.layout.width = PAPER_WIDTH;
    const config = {
      responsive: !onPaper,
      displaylogo: false,
      displayModeBar: onPaper ? false : "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
      toImageButtonOptions: { format: "svg", filename: name },
    };
    return Plotly.react(`chart-${name}`, figure.data, figure.layout, config);
  };
  const drawAll = () => Promise.all(Object.keys(figures).map(draw));

  const isDark = () => root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;

  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    drawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);

  for (const list of document.querySelectorAll(".legend")) {
    const buttons = [...list.querySelectorAll("button")];
    const show = (button, on) => button.setAttribute("aria-pressed", String(on));
    list.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      show(button, button.getAttribute("aria-pressed") === "false");
      draw(list.dataset.chart);
    });
    list.addEventListener("dblclick", (event) => { // this one alone, or all again
      const button = event.target.closest("button");
      if (!button) return;
      const alone = buttons.every((other) => other === button || other.getAttribute("aria-pressed") === "false");
      buttons.forEach((other) => show(other, alone || other === button));
      draw(list.dataset.chart);
    });
  }

  for (const button of document.querySelectorAll("[data-focus]")) {
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      button.textContent = on ? "Whole range" : "Near the ANN";
      draw(button.dataset.focus);
    });
  }

  let before;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    onPaper = true;
    drawAll();
  });
  addEventListener("afterprint", () => {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
    onPaper = false;
    drawAll();
  });

  drawAll();
})();
