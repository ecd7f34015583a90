// What interactive charts of every kind share.
"use strict";
const chartTools = (() => {
  // The colours of the moment, by name.
  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return (name) => style.getPropertyValue("--" + name).trim();
  };

  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };
  const element = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
  const svgElement = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

  // A finger on a chart wants to scroll the page.
  const byFinger = window.matchMedia("(pointer: coarse)").matches;

  // The chart library reads a little HTML in its texts.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  const hoverLabel = (colour) => ({
    bgcolor: colour("background"), bordercolor: colour("axis"), align: "left",
    font: { color: colour("text"), size: 12.5 },
  });

  const options = { displayModeBar: false, responsive: true, showTips: false, doubleClick: "reset" };

  // Rows of texts, numbers and nulls.
  const csv = (rows) => {
    const field = (v) => (v === null ? "" : typeof v === "number" ? String(v) : '"' + v.replace(/"/g, '""') + '"');
    return rows.map((row) => row.map(field).join(",") + "\r\n").join("");
  };

  const download = (name, type, content) => {
    const address = URL.createObjectURL(new Blob([content], { type }));
    element("a", { href: address, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };

  // A figure and its redrawing in the colours of the moment. Kinds of charts add redraw().
  class Drawing {
    constructor(node) {
      this.node = node;
      this.figure = JSON.parse(node.querySelector("script").textContent);
      this.drawn = false;
      this.drawing = Promise.resolve();
    }

    // One drawing after the other: two at once leave the chart with the marks of both.
    draw() {
      this.node.setAttribute("aria-busy", "true");
      const drawing = this.drawing.then(() => this.redraw());
      const settled = drawing
        .catch(() => {})
        .then(() => {
          if (this.drawing === settled) this.node.removeAttribute("aria-busy");
        });
      this.drawing = settled;
      return drawing;
    }

    // Puts the interactive chart in the place of the static drawing.
    show(...parts) {
      const label = this.node.querySelector("svg").getAttribute("aria-label");
      const plot = element("div", { class: "plot", role: "group", "aria-label": label }, ...parts);
      this.node.querySelector(".static").before(plot);
      this.node.classList.add("interactive");
    }

    // Puts the static drawing back.
    withdraw() {
      this.node.classList.remove("interactive");
      this.node.querySelector(".plot")?.remove();
    }

    tools(hint, numbersText, numbers, ...more) {
      const save = (text, suffix, type, content) => {
        const button = element("button", { type: "button" }, text);
        button.addEventListener("click", () => download(this.node.id + suffix, type, content()));
        return button;
      };
      return element(
        "div", { class: "tools" },
        element("span", {}, hint),
        ...more,
        save("Save picture", ".svg", "image/svg+xml", () => this.picture()),
        save(numbersText, ".csv", "text/csv", numbers),
      );
    }

    picture() {
      const svg = this.node.querySelector(".static.wide svg").cloneNode(true);
      svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
      return new XMLSerializer().serializeToString(svg);
    }
  }

  return { Drawing, byFinger, colours, csv, element, hoverLabel, options, plain, svgElement };
})();
