// Puts interactive charts in the place of static drawings, where the chart library is on board. Both
// are drawn from the same numbers, ranges, ticks and colours.
"use strict";
const drawInteractiveCharts = (() => {
  // Charts near the window first, the others whenever the browser has time. One that fails leaves
  // its static drawing in place.
  const drawAll = (charts) =>
    new Promise((finished) => {
      if (charts.length === 0) finished();
      const waiting = new Set(charts);
      let unfinished = charts.length;
      const draw = async (chart) => {
        if (!waiting.delete(chart)) return;
        try {
          await chart.draw();
        } catch (error) {
          chart.withdraw();
          console.error(chart.node.id, error);
        }
        if (--unfinished === 0) finished();
      };
      const seen = new IntersectionObserver(
        (entries) => {
          for (const entry of entries) {
            if (entry.isIntersecting) draw(charts.find((chart) => chart.node === entry.target));
          }
        },
        { rootMargin: "600px" },
      );
      for (const chart of charts) seen.observe(chart.node);
      const whenIdle = window.requestIdleCallback ?? ((action) => setTimeout(action, 50));
      const drawNext = async () => {
        const [next] = waiting;
        if (!next) return;
        await draw(next);
        whenIdle(drawNext, { timeout: 500 });
      };
      whenIdle(drawNext, { timeout: 500 });
    });

  return async () => {
    if (!window.Plotly) return;
    const drawings = (selector, Kind) => [...document.querySelectorAll(selector)].map((node) => new Kind(node));
    const charts = drawings("figure.chart", Chart);
    const hasSurfaces = document.querySelector("figure.surfaces") !== null;
    if (hasSurfaces && SurfaceChart.isSupported()) charts.push(...drawings("figure.surfaces", SurfaceChart));
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const chart of charts) if (chart.drawn) chart.draw();
    });
    await drawAll(charts);
  };
})();
