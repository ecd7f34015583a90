// node check_page.mjs PAGE.html [--charts N] [--screenshot DIR] [--browser PATH]
//
// Opens a report in Chromium, on a desktop and on a phone, light, dark, printed and without scripts,
// and fails for errors, requests, charts that are not drawn, overflow, and labels that overlap or
// are cut off. --charts: how many charts the page must have.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    charts: { type: "string" },
    screenshot: { type: "string" },
    browser: { type: "string", default: "/usr/bin/chromium" },
  },
});
if (positionals.length !== 1) {
  console.error("usage: node check_page.mjs PAGE.html [--charts N] [--screenshot DIR]");
  process.exit(2);
}
const address = pathToFileURL(resolve(positionals[0])).href;

const failures = [];
let kind = "";
const expect = (condition, message) => {
  if (!condition) failures.push(message);
};

// The functions below run inside the page.

const chartFaults = (wantsStatic) => {
  const faults = [];
  const visible = (node) => node.getClientRects().length > 0;
  for (const figure of document.querySelectorAll("figure.chart")) {
    const fault = (text) => faults.push(figure.id + ": " + text);
    const data = JSON.parse(figure.querySelector("script").textContent);
    const shows = (axis, value) => value !== null && (!axis.logarithmic || value > 0);
    const drawable = data.series.filter((series) =>
      series.x.some((x, i) => shows(data.x, x) && shows(data.y, series.y[i])),
    );
    const ink = (node) => [...node.querySelectorAll("path")].some((path) => path.getTotalLength() > 0);
    const canvas = figure.querySelector(".plot .canvas");
    if (wantsStatic) {
      const [svg, ...others] = [...figure.querySelectorAll(".static svg")].filter(visible);
      if (!svg || others.length > 0) fault("not exactly one static drawing is visible");
      const paths = svg ? [...svg.querySelectorAll("path")].filter((path) => path.getAttribute("d")) : [];
      if (paths.length < 2 + drawable.length) fault(paths.length + " paths");
      continue;
    }
    if (!canvas) {
      fault("has no interactive chart");
      continue;
    }
    if ([...figure.querySelectorAll(".static")].some(visible)) fault("shows its static drawing too");
    const bands = drawable.filter((series) => series.mark === "line" && series.low.length > 0).length;
    const drawn = [...canvas.querySelectorAll(".scatterlayer .trace")].filter(ink).length;
    if (drawn !== drawable.length + bands) {
      fault(drawn + " traces for " + drawable.length + " series and " + bands + " bands");
    }
  }
  return faults;
};

const overflowFaults = (printed) => {
  const width = document.documentElement.clientWidth;
  // Paper does not scroll, so that very wide tables are cut there.
  const scrolls = (node) => node && (node.matches(".scroll, pre") || scrolls(node.parentElement));
  const faults = [...document.body.querySelectorAll("*")]
    .filter((node) => node.getClientRects().length > 0 && !scrolls(node.parentElement))
    .filter((node) => node.getBoundingClientRect().right > width + 1)
    .map((node) => `${node.tagName} ${node.getAttribute("class") ?? ""} reaches ${node.getBoundingClientRect().right}`);
  if (!printed && document.documentElement.scrollWidth > width) {
    faults.push(`the page is ${document.documentElement.scrollWidth} px wide in a window of ${width}`);
  }
  return faults.slice(0, 5);
};

const labelFaults = () => {
  const faults = [];
  for (const figure of document.querySelectorAll("figure.chart")) {
    const box = figure.getBoundingClientRect();
    const labels = [...figure.querySelectorAll("svg text")]
      .filter((text) => text.getClientRects().length > 0 && text.textContent.trim() !== "")
      .map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
    labels.forEach((a, i) => {
      if (a.box.left < box.left - 1 || a.box.right > box.right + 1) faults.push(`${figure.id}: "${a.text}" is cut off`);
      for (const b of labels.slice(i + 1)) {
        const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
        const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
        if (across > 1 && down > 3) faults.push(`${figure.id}: "${a.text}" and "${b.text}" overlap`);
      }
    });
  }
  return faults;
};

const accessFaults = () => {
  const faults = [];
  for (const image of document.images) {
    if (!image.hasAttribute("alt")) faults.push("an image without alternative text");
    if (image.naturalWidth === 0) faults.push("an image that does not load");
  }
  for (const svg of document.querySelectorAll(".static svg")) {
    if (svg.getAttribute("role") !== "img" || !svg.getAttribute("aria-label")) faults.push("a drawing without a name");
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((id, i) => ids.indexOf(id) !== i))) faults.push("two elements called " + id);
  return faults;
};

const browser = await chromium.launch({
  executablePath: options.browser,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

const open = async (name, settings) => {
  const context = await browser.newContext({ ...settings, offline: true });
  const page = await context.newPage();
  page.on("pageerror", (error) => failures.push(`${name}: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(`${name}: console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (url.split("#")[0] !== address && !/^(data|blob):/.test(url)) failures.push(`${name}: asked for ${url}`);
  });
  await page.goto(address);
  if (settings.javaScriptEnabled === false) return page;
  const ready = await page.waitForFunction(() => window.ready === true, null, { timeout: 60000 }).catch(() => null);
  expect(ready, `${name}: window.ready was never set`);
  return page;
};

const isStatic = (page) => page.evaluate(() => window.Plotly === undefined);

const inspect = async (name, page, wantsStatic) => {
  const faults = [
    ...(await page.evaluate(chartFaults, wantsStatic)),
    ...(await page.evaluate(overflowFaults, name === "print")),
    ...(await page.evaluate(labelFaults)),
    ...(await page.evaluate(accessFaults)),
  ];
  failures.push(...faults.map((fault) => `${name}: ${fault}`));
  if (!options.screenshot) return;
  mkdirSync(options.screenshot, { recursive: true });
  await page.screenshot({ path: `${options.screenshot}/${name}.png`, fullPage: true });
};

// Charts are redrawn some time after a click or a change of theme: later on a busy machine.
const becomes = async (condition) => {
  for (const end = Date.now() + 20000; Date.now() < end; await new Promise((wake) => setTimeout(wake, 50))) {
    if (await condition()) return true;
  }
  return false;
};

const tryControls = async (page) => {
  const copy = page.locator(".command button:visible").first();
  if (await copy.count()) {
    await copy.click();
    const copied = page.locator(".command button:visible", { hasText: "Copied" });
    await copied.waitFor({ timeout: 5000 }).catch(() => expect(false, "a click on Copy copies nothing"));
  }
  const hint = page.locator("abbr:visible").first();
  if (await hint.count()) {
    await hint.focus();
    expect((await page.locator(".hint").count()) === 1, "a focused column name shows no hint");
    await page.keyboard.press("Escape");
    expect((await page.locator(".hint").count()) === 0, "Escape does not hide the hint");
  }
  const legend = page.locator(".legend button:visible").first();
  if (await legend.count()) {
    const traces = page.locator("figure.chart:has(.legend button:visible)").first().locator(".scatterlayer .trace");
    const before = await traces.count();
    await legend.click();
    expect(
      before === 0 || (await becomes(async () => (await traces.count()) < before)),
      "a click in the legend hides nothing",
    );
    await legend.click();
    expect(
      await becomes(async () => (await traces.count()) === before),
      "a second click in the legend does not bring the series back",
    );
  }
};

try {
  const desktop = await open("light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  const charts = await desktop.locator("figure.chart").count();
  if (options.charts !== undefined) {
    expect(charts === Number(options.charts), `${charts} charts, ${options.charts} were expected`);
  }
  const withoutLibrary = await isStatic(desktop);
  await inspect("light", desktop, withoutLibrary);
  await tryControls(desktop);
  await desktop.emulateMedia({ colorScheme: "dark" });
  await desktop.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await becomes(async () => (await desktop.locator("figure[aria-busy]").count()) === 0);
  await inspect("dark", desktop, withoutLibrary);
  await desktop.emulateMedia({ colorScheme: "light", media: "print" });
  await inspect("print", desktop, true);

  const phone = await open("phone", {
    viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true,
  });
  await inspect("phone", phone, withoutLibrary);

  const unscripted = await open("no-script", { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  await inspect("no-script", unscripted, true);
  kind = withoutLibrary ? "static charts" : "interactive charts";
} finally {
  await browser.close();
}

for (const failure of failures) console.error(failure);
console.log(failures.length === 0 ? `${positionals[0]}: all is well (${kind})` : `${failures.length} faults`);
process.exit(failures.length === 0 ? 0 : 1);
