// Surfaces: one scene that turns and a map beside it, with a slider over the surfaces. The view stays
// while they change, which is what makes them comparable.
"use strict";
const SurfaceChart = (() => {
  const { Drawing, byFinger, colours, csv, element, hoverLabel, options, plain, svgElement } = chartTools;

  const ratio = { x: 1, y: 1, z: 0.66 }; // of the box, as in the static drawing
  // From where that one is seen: before the corner of largest x and smallest y, above it. Far enough
  // for the labels, and farther where the window is narrow.
  const startCamera = (scene) => {
    const distance = Math.max(2, 3.1 / (scene.clientWidth / scene.clientHeight));
    return {
      eye: { x: 0.486 * distance, y: -0.695 * distance, z: 0.53 * distance },
      center: { x: 0, y: 0, z: -0.08 }, up: { x: 0, y: 0, z: 1 },
    };
  };
  const secondsPerStep = 1.2;
  const mostMeshLines = 30;

  const readable = (value) => String(Number(value.toPrecision(5))).replace("-", "\u2212");

  // All heights are drawn by their position on the axis: the logarithm on a logarithmic one.
  const positions = (figure) => (value) =>
    value === null || (figure.z.logarithmic && !(value > 0)) ? null : figure.z.logarithmic ? Math.log10(value) : value;

  const hoverText = (figure, x, y, z) =>
    [[figure.x.label || "x", x], [figure.y.label || "y", y], [figure.z.label || "z", z]]
      .map(([label, value]) => plain(label) + ": " + readable(value))
      .join("<br>");

  const hoverTexts = (figure, surface) =>
    surface.z.map((row, i) =>
      row.map((z, j) => (z === null ? "" : hoverText(figure, surface.x[j], surface.y[i], z))),
    );

  const colourScale = (figure) => figure.scale.map((colour, i) => [i / (figure.scale.length - 1), colour]);

  // Everything about one surface in positions.
  const prepared = (figure, surface, shared) => {
    const position = positions(figure);
    const heights = surface.axes[shared ? "shared_z" : "own_z"];
    const levels = heights.ticks.values.map(position);
    return {
      ...surface,
      height: surface.z.map((row) => row.map(position)),
      texts: hoverTexts(figure, surface),
      range: heights.range.map(position),
      levels,
      levelTexts: heights.ticks.texts,
      levelColours: heights.lines,
      scale: colourScale(figure),
    };
  };

  const overlayColour = (overlay, colour) => colour("series-" + overlay.colour);

  const meshLines = (coordinates) => {
    const low = coordinates[0];
    const high = coordinates[coordinates.length - 1];
    const count = Math.min(coordinates.length - 1, mostMeshLines);
    return {
      show: true, start: low, end: high, size: (high - low) / count,
      color: "rgba(0,0,0,0.35)", width: 1, highlight: false, // lets the page's background shine through
    };
  };

  const surfaceTrace = (shape) => ({
    type: "surface",
    x: shape.x, y: shape.y, z: shape.height,
    cmin: shape.range[0], cmax: shape.range[1], colorscale: shape.scale, showscale: false,
    text: shape.texts, hovertemplate: "%{text}<extra></extra>",
    contours: { x: meshLines(shape.x), y: meshLines(shape.y), z: { highlight: false } },
    lighting: { ambient: 0.72, diffuse: 0.5, specular: 0.04, roughness: 0.9, fresnel: 0 },
    lightposition: { x: -4000, y: -3000, z: 9000 },
  });

  const solidOverlays = (figure, shape, colour) => {
    const position = positions(figure);
    // Lines that lie in the surface itself would flicker, and dots would sink into it.
    const lift = 0.006 * (shape.range[1] - shape.range[0]);
    const line = (overlay, x, y, z, width, said = { hoverinfo: "skip" }) => ({
      type: "scatter3d", mode: "lines", x, y, z, ...said,
      line: { color: overlayColour(overlay, colour), width },
    });
    const says = (mark, count) => ({
      text: Array(count).fill(markText(figure, mark)), hovertemplate: "%{text}<extra></extra>",
    });
    const paths = shape.paths.map((path) =>
      line(path, path.x, path.y, path.z.map(position).map((z) => (z === null ? null : z + lift)), 5),
    );
    const sticks = shape.marks.map((mark) =>
      line(mark, [mark.x, mark.x], [mark.y, mark.y], shape.range, 6, says(mark, 2)),
    );
    const dots = shape.marks.map((mark) => ({
      type: "scatter3d", mode: "markers", x: [mark.x], y: [mark.y],
      z: [mark.z === null ? null : position(mark.z) + 5 * lift],
      marker: { color: overlayColour(mark, colour), size: 4, line: { color: colour("background"), width: 1 } },
      ...says(mark, 1),
    }));
    return [...paths, ...sticks, ...dots];
  };

  const markText = (figure, mark) =>
    (mark.label ? "<b>" + plain(mark.label) + "</b><br>" : "") +
    (mark.z === null ? "" : hoverText(figure, mark.x, mark.y, mark.z));

  const mapTraces = (figure, shape, colour) => {
    const heat = {
      type: "heatmap", x: shape.x, y: shape.y, z: shape.height, zsmooth: "best",
      zmin: shape.range[0], zmax: shape.range[1], colorscale: shape.scale,
      text: shape.texts, hovertemplate: "%{text}<extra></extra>",
      colorbar: {
        thickness: 12, outlinewidth: 1, outlinecolor: colour("axis"), len: 1, xpad: 8, ypad: 0,
        tickmode: "array", tickvals: shape.levels, ticktext: shape.levelTexts,
        tickfont: { color: colour("soft"), size: 12 }, ticks: "outside", ticklen: 3, tickcolor: colour("axis"),
      },
    };
    const levels = shape.levels.map((level, i) => ({
      type: "contour", x: shape.x, y: shape.y, z: shape.height, autocontour: false, showscale: false,
      contours: { start: level, end: level, size: 1, coloring: "none" },
      line: { color: shape.levelColours[i], width: 1, smoothing: 0 }, opacity: 0.8, hoverinfo: "skip",
    }));
    const paths = shape.paths.flatMap((path) =>
      [[colour("background"), 3.4], [overlayColour(path, colour), 2]].map(([own, width]) => ({
        x: path.x, y: path.y, mode: "lines", line: { color: own, width }, hoverinfo: "skip",
      })),
    );
    const dots = shape.marks.map((mark) => ({
      x: [mark.x], y: [mark.y], mode: "markers",
      marker: { color: overlayColour(mark, colour), size: 9, line: { color: colour("background"), width: 1.2 } },
      text: [markText(figure, mark)], hovertemplate: "%{text}<extra></extra>",
    }));
    return [heat, ...levels, ...paths, ...dots];
  };

  const commonLayout = (colour) => ({
    showlegend: false,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: colour("text"), size: 12 },
    hovermode: "closest",
    hoverlabel: hoverLabel(colour),
  });

  // A scene has room for a short line.
  const sceneTitle = (label) => {
    const lines = [""];
    for (const word of label.split(" ")) {
      if (lines.at(-1) && (lines.at(-1) + " " + word).length > 18) lines.push("");
      lines[lines.length - 1] += (lines.at(-1) ? " " : "") + word;
    }
    return lines.map(plain).join("<br>");
  };

  const sceneLayout = (figure, shape, colour, camera) => {
    // Labels at the ends of an axis would run into those of the next one, close ones into each other.
    const spaced = (range, values, texts) => {
      const kept = [];
      let last = -1;
      values.forEach((value, i) => {
        const share = (value - range[0]) / (range[1] - range[0]);
        if (share < 0.06 || share > 0.97 || share - last < 0.1) return;
        kept.push(i);
        last = share;
      });
      return { tickvals: kept.map((i) => values[i]), ticktext: kept.map((i) => texts[i]) };
    };
    const axis = (label, range, values, texts) => ({
      title: { text: sceneTitle(label), font: { color: colour("text"), size: 13 } },
      range, tickmode: "array", ...spaced(range, values, texts), tickangle: 0,
      tickfont: { color: colour("soft"), size: 12 },
      gridcolor: colour("grid"), linecolor: colour("axis"), tickcolor: colour("axis"),
      showbackground: false, zeroline: false, showline: true, showspikes: false, ticks: "outside", ticklen: 4,
    });
    const plane = (name) => {
      const { range, ticks } = shape.axes[name];
      return axis(figure[name].label, range, ticks.values, ticks.texts);
    };
    return {
      ...commonLayout(colour),
      margin: { l: 0, r: 0, t: 0, b: 0 },
      scene: {
        xaxis: plane("x"),
        yaxis: plane("y"),
        zaxis: axis(figure.z.label, shape.range, shape.levels, shape.levelTexts),
        aspectmode: "manual", aspectratio: ratio, camera, dragmode: "turntable",
      },
    };
  };

  const mapLayout = (shape, colour) => {
    const axis = ({ range, ticks }) => ({
      range, tickmode: "array", tickvals: ticks.values, ticktext: ticks.texts, fixedrange: true,
      tickfont: { color: colour("soft"), size: 12 }, ticks: "outside", ticklen: 5, tickcolor: colour("axis"),
      showgrid: false, zeroline: false, showline: true, mirror: true, linecolor: colour("axis"), automargin: true,
    });
    return {
      ...commonLayout(colour),
      margin: { l: 24, r: 8, t: 8, b: 28 },
      dragmode: false,
      xaxis: axis(shape.axes.x),
      yaxis: axis(shape.axes.y),
    };
  };

  const numberRows = (figure) => {
    const rows = [["surface", "part", "name", "x", "y", "z"]];
    for (const { name, x, y, z, marks, paths } of figure.surfaces) {
      z.forEach((row, i) => row.forEach((value, j) => rows.push([name, "grid", "", x[j], y[i], value])));
      for (const mark of marks) rows.push([name, "mark", mark.label, mark.x, mark.y, mark.z]);
      for (const path of paths) {
        path.x.forEach((value, i) => rows.push([name, "path", path.name, value, path.y[i], path.z[i]]));
      }
    }
    return rows;
  };

  // Names of marks and paths, each once.
  const legendEntries = (figure) => {
    const entries = new Map();
    for (const { marks, paths } of figure.surfaces) {
      for (const { label, colour } of marks) entries.set("mark " + label, { name: label, colour, isMark: true });
      for (const { name, colour } of paths) entries.set("path " + name, { name, colour, isMark: false });
    }
    return [...entries.values()].filter((entry) => entry.name);
  };

  const legendSample = (entry) => {
    const paint = "var(--series-" + entry.colour + ")";
    const shape = entry.isMark
      ? svgElement("circle", { cx: 8, cy: 7, r: 4, style: "fill: " + paint })
      : svgElement("path", { d: "M1,7H15", "stroke-width": 2, style: "stroke: " + paint });
    return svgElement("svg", { width: 16, height: 14, "aria-hidden": "true" }, shape);
  };

  // The library would keep the wheel and every finger for the scene. The wheel, and a finger that moves
  // up or down, shall scroll the page.
  const letPageScroll = (scene) => {
    scene.addEventListener("wheel", (event) => event.stopPropagation(), { capture: true, passive: true });
    let start = null;
    let scrolls = null; // not known before the finger moves
    scene.addEventListener(
      "touchstart",
      ({ touches }) => {
        start = touches[0];
        scrolls = touches.length > 1 ? false : null;
      },
      { capture: true, passive: true },
    );
    scene.addEventListener(
      "touchmove",
      (event) => {
        const [touch] = event.touches;
        scrolls ??= Math.abs(touch.clientY - start.clientY) > Math.abs(touch.clientX - start.clientX);
        if (scrolls) event.stopPropagation();
      },
      { capture: true, passive: true },
    );
  };

  // The library draws surfaces when the browser next paints, which it does not do in the background.
  const painted = () =>
    new Promise((done) => {
      requestAnimationFrame(() => requestAnimationFrame(done));
      setTimeout(done, 1000);
    });

  return class extends Drawing {
    constructor(node) {
      super(node);
      this.selected = 0;
      this.shared = this.figure.shared_z;
      this.camera = null; // where the reader has turned the scene to
    }

    static isSupported() {
      const context = document.createElement("canvas").getContext("webgl");
      context?.getExtension("WEBGL_lose_context")?.loseContext();
      return Boolean(context);
    }

    async redraw() {
      this.isWaiting = false;
      if (this.isWithdrawn) return;
      const colour = colours();
      if (!this.drawn) this.build();
      const shape = prepared(this.figure, this.figure.surfaces[this.selected], this.shared);
      const solid = [surfaceTrace(shape), ...solidOverlays(this.figure, shape, colour)];
      const camera = this.camera ?? startCamera(this.scene);
      await Plotly.react(this.scene, solid, sceneLayout(this.figure, shape, colour, camera), options);
      await Plotly.react(this.map, mapTraces(this.figure, shape, colour), mapLayout(shape, colour), options);
      if (this.drawn) return;
      // Where it cannot draw, the library says so in place of the scene and goes on.
      if (!this.scene.querySelector("canvas") || this.scene.querySelector(".no-webgl")) {
        throw new Error("the browser gave no WebGL context");
      }
      // The library calls every scene so, and a page may have several.
      this.scene.querySelector("#scene").removeAttribute("id");
      this.scene.on("plotly_relayout", (change) => (this.camera = change["scene.camera"] ?? this.camera));
      // Left alone, the library tries to recover a lost context frame after frame, for ever.
      this.scene._fullLayout.scene._scene.glplot.oncontextloss = () => setTimeout(() => this.withdraw());
      await painted();
      this.drawn = true;
    }

    withdraw() {
      this.isWithdrawn = true;
      this.drawn = false;
      this.pause();
      for (const chart of [this.scene, this.map]) if (chart) Plotly.purge(chart);
      super.withdraw();
    }

    build() {
      this.title = element("strong", {});
      this.scene = element("div", { class: "canvas" });
      letPageScroll(this.scene);
      this.map = element("div", { class: "canvas" });
      this.note = element("p", { class: "note", "aria-live": "polite" });
      const reset = element("button", { type: "button" }, "Reset view");
      reset.addEventListener("click", () => {
        this.camera = null;
        this.draw();
      });
      const hint = byFinger ? "" : "Drag to turn";
      const tools = this.tools(hint, "Save numbers", () => csv(numberRows(this.figure)), reset);
      const label = (text) => element("div", { class: "label" }, text);
      const pair = element(
        "div", { class: "pair" },
        element("div", {}, this.scene),
        element("div", {}, label(this.figure.y.label), this.map, element("div", { class: "foot" }, this.figure.x.label)),
      );
      const head = element("div", { class: "head" }, this.title, tools);
      this.show(head, pair, this.note, ...this.controls(), this.legend());
      this.node.querySelector(".plot").addEventListener("keydown", (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step || event.target === this.slider) return;
        event.preventDefault();
        this.select(this.selected + step);
      });
      this.showSelected();
    }

    controls() {
      const last = this.figure.surfaces.length - 1;
      this.slider = element("input", { type: "range", min: 0, max: last, step: 1, value: 0, "aria-label": "Surface" });
      this.slider.addEventListener("input", () => this.select(Number(this.slider.value)));
      this.player = element("button", { type: "button" }, "Play");
      this.player.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
      const box = element("input", { type: "checkbox" });
      box.checked = this.shared;
      box.addEventListener("change", () => {
        this.shared = box.checked;
        this.draw();
      });
      const share = element("label", {}, box, "one z scale for all");
      this.thumbnails = this.figure.surfaces.map((surface, index) => this.thumbnail(surface, index));
      const several = last > 0;
      return several
        ? [
            element("div", { class: "controls" }, this.player, this.slider, share),
            element("div", { class: "thumbnails" }, ...this.thumbnails),
          ]
        : [];
    }

    // The static drawing of the surface, once more.
    thumbnail(surface, index) {
      const picture = svgElement(
        "svg", { viewBox: this.figure.shape.join(" "), "aria-hidden": "true" },
        svgElement("use", { href: "#" + this.node.id + "-shape-" + index }),
      );
      const button = element("button", { type: "button" }, picture, surface.name);
      button.addEventListener("click", () => this.select(index));
      return button;
    }

    legend() {
      const entries = legendEntries(this.figure).map((entry) =>
        element("li", {}, legendSample(entry), entry.name),
      );
      const list = element("ul", { class: "legend" }, ...entries);
      list.hidden = entries.length === 0;
      return list;
    }

    select(index) {
      const last = this.figure.surfaces.length - 1;
      const next = Math.max(0, Math.min(last, index));
      if (next === this.selected) return;
      this.selected = next;
      this.showSelected();
      // A slider is faster than drawing: what has not begun yet will draw the latest choice.
      if (this.isWaiting) return;
      this.isWaiting = true;
      this.draw();
    }

    showSelected() {
      const surface = this.figure.surfaces[this.selected];
      this.title.textContent = surface.name;
      this.note.textContent = surface.note;
      this.note.hidden = this.figure.surfaces.every(({ note }) => !note);
      this.slider.value = this.selected;
      this.slider.setAttribute("aria-valuetext", surface.name);
      this.thumbnails.forEach((button, index) => button.setAttribute("aria-pressed", String(index === this.selected)));
    }

    play() {
      const last = this.figure.surfaces.length - 1;
      if (this.selected === last) this.select(0);
      this.player.textContent = "Pause";
      this.timer = setInterval(() => {
        this.select(this.selected + 1);
        if (this.selected === last) this.pause();
      }, 1000 * secondsPerStep);
    }

    pause() {
      clearInterval(this.timer);
      this.timer = null;
      if (this.player) this.player.textContent = "Play";
    }
  };
})();
