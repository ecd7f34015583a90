// Charts of curves and points, from the numbers, ranges, ticks and colours of the static drawing.
"use strict";
const Chart = (() => {
  const { Drawing, byFinger, colours, csv, element, hoverLabel, options, plain, svgElement } = chartTools;

  const narrowWidth = 560; // pixels; below it, ticks are as few as in the narrow static drawing
  const symbols = ["circle", "square", "diamond", "triangle-up", "triangle-down"];

  const seriesColour = (series, colour) =>
    colour(series.colour < 0 ? "reference" : "series-" + series.colour);

  const translucent = (hex, alpha) =>
    "rgba(" + [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",") + "," + alpha + ")";

  const isShown = (series, figure, i) => {
    const shows = (axis, value) => value !== null && (!axis.logarithmic || value > 0);
    return i >= 0 && i < series.x.length && shows(figure.x, series.x[i]) && shows(figure.y, series.y[i]);
  };

  // Where ends go that a logarithmic axis cannot show: out of sight.
  const bottomOf = (axis) => (axis.logarithmic ? axis.range[0] / 10 : -Infinity);

  // A closed outline for each stretch without gaps.
  const bandTrace = (series, figure, colour) => {
    const bottom = bottomOf(figure.y);
    const x = [];
    const y = [];
    let first = 0;
    while (first < series.x.length) {
      let end = first;
      while (isShown(series, figure, end)) ++end;
      for (let i = first; i < end; ++i) {
        x.push(series.x[i]);
        y.push(series.high[i] ?? series.y[i]);
      }
      for (let i = end - 1; i >= first; --i) {
        x.push(series.x[i]);
        y.push(Math.max(series.low[i] ?? series.y[i], bottom));
      }
      x.push(null);
      y.push(null);
      first = end + 1;
    }
    return {
      x, y, mode: "lines", line: { width: 0 }, fill: "toself", hoverinfo: "skip",
      fillcolor: translucent(seriesColour(series, colour), 0.16),
    };
  };

  const errorBars = (series, figure, colour) => {
    const bottom = bottomOf(figure.y);
    const reach = (end, i) => (end === null || series.y[i] === null ? 0 : Math.abs(end - series.y[i]));
    return {
      type: "data", symmetric: false, thickness: 1.3, width: 3.5, color: seriesColour(series, colour),
      array: series.high.map(reach),
      arrayminus: series.low.map((end, i) => reach(end === null ? null : Math.max(end, bottom), i)),
    };
  };

  // A line through a single point has no length; a small marker shows it all the same.
  const lonePoints = (series, figure) =>
    series.x.map((_, i) => isShown(series, figure, i) && !isShown(series, figure, i - 1) && !isShown(series, figure, i + 1));

  const seriesTrace = (series, figure, colour) => {
    const own = seriesColour(series, colour);
    const rim = { color: colour("background"), width: series.x.length > 500 ? 0 : 1 };
    const trace = {
      x: series.x,
      y: series.y,
      mode: { line: "lines", points: "markers", "line-and-points": "lines+markers" }[series.mark],
      line: { color: own, width: series.reference ? 1.3 : 2, dash: series.dashed ? "6px,5.5px" : "solid" },
      marker: { color: own, size: 8, symbol: symbols[series.marker], line: rim },
      hovertemplate:
        (series.name ? "<b>" + plain(series.name) + "</b><br>" : "") +
        plain(figure.x.label || "x") + ": %{x:.6~g}<br>" +
        plain(figure.y.label || "y") + ": %{y:.6~g}<extra></extra>",
    };
    if (series.mark !== "line") {
      if (series.low.length > 0) trace.error_y = errorBars(series, figure, colour);
      return trace;
    }
    const lone = lonePoints(series, figure);
    if (lone.includes(true)) {
      trace.mode = "lines+markers";
      trace.marker = { color: own, size: lone.map((alone) => (alone ? 5 : 0)) };
    }
    return trace;
  };

  // Drawn from back to front: bands, references, data.
  const traces = (figure, colour, hidden) => {
    const layers = [[], [], []];
    figure.series.forEach((series, index) => {
      const visible = !hidden.has(index);
      if (series.mark === "line" && series.low.length > 0) {
        layers[0].push({ ...bandTrace(series, figure, colour), visible });
      }
      layers[series.reference ? 1 : 2].push({ ...seriesTrace(series, figure, colour), visible });
    });
    return layers.flat();
  };

  // On a logarithmic axis powers of ten, or 1, 2 and 5 times them; otherwise what the library does.
  const zoomedTicks = (axis, range) => {
    const auto = { tickmode: "auto", exponentformat: "power" };
    if (!axis.logarithmic) return auto;
    const first = Math.ceil(range[0]);
    const count = Math.floor(range[1]) - first + 1;
    if (count < 2) {
      const values = [first - 1, first].flatMap((k) => [1, 2, 5].map((factor) => factor * 10 ** k));
      const inside = values.filter((v) => Math.log10(v) >= range[0] && Math.log10(v) <= range[1]);
      return inside.length < 2 ? auto : { tickmode: "array", tickvals: inside, exponentformat: "power" };
    }
    const step = Math.ceil(count / 8);
    const exponents = Array.from({ length: Math.ceil(count / step) }, (_, i) => first + i * step);
    return {
      tickmode: "array",
      tickvals: exponents.map((k) => 10 ** k),
      ticktext: exponents.map((k) => "10<sup>" + String(k).replace("-", "\u2212") + "</sup>"),
      minor: { dtick: step > 1 ? 1 : "D1", ticks: "outside", ticklen: 3 },
    };
  };

  // The ticks of the static drawing, until the reader zooms in.
  const ticksLayout = (axis, zoomedRange, narrow) => {
    if (zoomedRange) return zoomedTicks(axis, zoomedRange);
    const ticks = axis.ticks[narrow ? "narrow" : "wide"];
    return {
      tickmode: "array",
      tickvals: ticks.values,
      ticktext: ticks.texts,
      minor: { tickmode: "array", tickvals: ticks.minor, ticks: "outside", ticklen: 3 },
    };
  };

  const startRange = (axis) => (axis.logarithmic ? axis.range.map(Math.log10) : [...axis.range]);

  const axisLayout = (axis, colour, zoomedRange, narrow) => ({
    type: axis.logarithmic ? "log" : "linear",
    range: startRange(axis),
    gridcolor: colour("grid"),
    zeroline: false,
    showline: true,
    linecolor: colour("axis"),
    tickcolor: colour("axis"),
    tickfont: { color: colour("soft"), size: 12 },
    ticks: "outside",
    ticklen: 5,
    automargin: true,
    ...ticksLayout(axis, zoomedRange, narrow),
  });

  const layout = (figure, colour, zoomed, narrow) => ({
    showlegend: false,
    margin: { l: 24, r: 22, t: 8, b: 28 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: colour("text"), size: 12 },
    hovermode: "closest",
    hoverlabel: hoverLabel(colour),
    dragmode: byFinger ? false : "zoom",
    uirevision: "kept",
    xaxis: axisLayout(figure.x, colour, zoomed.x, narrow),
    yaxis: axisLayout(figure.y, colour, zoomed.y, narrow),
  });

  const markerPaths = [
    "M8.4,7a3.6,3.6 0 1,0 7.2,0a3.6,3.6 0 1,0 -7.2,0z",
    "M8.8,3.8h6.4v6.4h-6.4z",
    "M12,2.4l4.6,4.6l-4.6,4.6l-4.6,-4.6z",
    "M12,2.6l4.3,7.4h-8.6z",
    "M12,11.4l4.3,-7.4h-8.6z",
  ];

  // The line, dashes, marker and band of a series, as the static drawing's legend has them.
  const sample = (series, colour) => {
    const svg = svgElement("svg", { width: 24, height: 14, "aria-hidden": "true" });
    if (series.mark === "line" && series.low.length > 0) {
      svg.append(svgElement("rect", { y: 2, width: 24, height: 10, fill: colour, "fill-opacity": 0.16 }));
    }
    if (series.mark !== "points") {
      svg.append(svgElement("path", {
        d: "M1,7H23", stroke: colour, "stroke-width": series.reference ? 1.3 : 2,
        "stroke-dasharray": series.dashed ? "6 4" : "none",
      }));
    }
    if (series.mark !== "line") {
      svg.append(svgElement("path", { d: markerPaths[series.marker], fill: colour }));
    }
    return svg;
  };

  // One row a point.
  const numberRows = (figure) => {
    const rows = [["series", figure.x.label || "x", figure.y.label || "y", "low", "high"]];
    for (const series of figure.series) {
      series.x.forEach((x, i) => {
        rows.push([series.name, x, series.y[i], series.low[i] ?? null, series.high[i] ?? null]);
      });
    }
    return rows;
  };

  // With its state: what is hidden, and how far the reader has zoomed in.
  return class extends Drawing {
    constructor(node) {
      super(node);
      this.hidden = new Set();
      this.zoomed = { x: null, y: null }; // ranges, where they differ from those at the start
    }

    async redraw() {
      const colour = colours();
      if (!this.drawn) this.build();
      this.fillLegend(colour);
      const data = traces(this.figure, colour, this.hidden);
      const narrow = this.canvas.clientWidth < narrowWidth;
      await Plotly.react(this.canvas, data, layout(this.figure, colour, this.zoomed, narrow), options);
      if (!this.drawn) this.canvas.on("plotly_relayout", () => this.followZoom());
      this.drawn = true;
    }

    followZoom() {
      const moved = (axis, range) => {
        const same = startRange(axis).every((end, i) => Math.abs(end - range[i]) <= 1e-9 * (1 + Math.abs(end)));
        return same ? null : [...range];
      };
      const { xaxis, yaxis } = this.canvas.layout;
      const zoomed = { x: moved(this.figure.x, xaxis.range), y: moved(this.figure.y, yaxis.range) };
      if (String([zoomed.x, zoomed.y]) === String([this.zoomed.x, this.zoomed.y])) return;
      this.zoomed = zoomed;
      this.draw();
    }

    build() {
      this.canvas = element("div", { class: "canvas" });
      this.legend = element("ul", { class: "legend" });
      const head = element("div", { class: "head" }, element("span", {}, this.figure.y.label), this.tools());
      const foot = element("div", { class: "foot" }, this.figure.x.label);
      this.show(head, this.canvas, foot, this.legend);
    }

    // Each name switches its series off and on.
    fillLegend(colour) {
      const named = this.figure.series.filter((series) => series.name);
      const trivial = this.figure.series.length === 1 && named[0]?.name === this.figure.y.label;
      this.legend.hidden = named.length === 0 || trivial;
      this.legend.replaceChildren(
        ...this.figure.series.flatMap((series, index) => {
          if (!series.name) return [];
          const button = element("button", { type: "button", "aria-pressed": String(!this.hidden.has(index)) });
          button.append(sample(series, seriesColour(series, colour)), series.name);
          button.addEventListener("click", () => this.toggle(index));
          return [element("li", {}, button)];
        }),
      );
    }

    async toggle(index) {
      if (!this.hidden.delete(index)) this.hidden.add(index);
      await this.draw();
      this.legend.querySelectorAll("button")[
        this.figure.series.slice(0, index).filter((series) => series.name).length
      ].focus();
    }

    tools() {
      const numbers = this.figure.complete ? "Save numbers" : "Save numbers (thinned)";
      return super.tools("Drag to zoom, double-click to reset", numbers, () => csv(numberRows(this.figure)));
    }
  };
})();
