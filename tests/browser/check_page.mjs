// node check_page.mjs PAGE.html [--charts N] [--surfaces N] [--screenshot DIR] [--browser PATH]
//
// Opens a report in Chromium, on a desktop and on a phone, light, dark, printed, without scripts and
// without WebGL, and fails for errors, requests, charts that are not drawn, overflow, and labels that
// overlap or are cut off. --charts, --surfaces: how many charts and surface figures the page must have.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    charts: { type: "string" },
    surfaces: { type: "string" },
    screenshot: { type: "string" },
    browser: { type: "string", default: "/usr/bin/chromium" },
  },
});
if (positionals.length !== 1) {
  console.error("usage: node check_page.mjs PAGE.html [--charts N] [--surfaces N] [--screenshot DIR]");
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

const surfaceFaults = (wantsStatic) => {
  const faults = [];
  const visible = (node) => node.getClientRects().length > 0;
  for (const figure of document.querySelectorAll("figure.surfaces")) {
    const fault = (text) => faults.push(figure.id + ": " + text);
    const count = JSON.parse(figure.querySelector("script").textContent).surfaces.length;
    const drawings = [...figure.querySelectorAll(".static > svg")].filter(visible);
    if (wantsStatic) {
      if (drawings.length !== 1) fault(drawings.length + " static drawings are visible");
      // Of several, the narrow drawing shows the cells of the wide one again.
      const cells = drawings.flatMap((svg) => [...svg.querySelectorAll("[id*='-cell-'], use")]);
      const drawn = (count > 1 ? cells : drawings).map((part) => part.getBoundingClientRect());
      const readable = drawn.filter((box) => box.width > 150 && box.height > 150).length;
      if (readable !== count) fault(readable + " cells for " + count + " surfaces");
      if (figure.querySelector("canvas") && visible(figure.querySelector("canvas"))) fault("shows a scene as well");
      continue;
    }
    if (drawings.length > 0) fault("shows its static drawing too");
    if (figure.querySelectorAll(".plot canvas").length === 0) fault("has no scene");
    if (figure.querySelectorAll(".plot .heatmaplayer image").length !== 1) fault("has no map");
    if (figure.querySelectorAll(".plot .contourlayer path").length === 0) fault("has no contour lines");
    const thumbnails = [...figure.querySelectorAll(".thumbnails use")].filter((use) => use.getBBox().width > 100);
    if (count > 1 && thumbnails.length !== count) fault(thumbnails.length + " thumbnails for " + count + " surfaces");
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
  for (const figure of document.querySelectorAll("figure.chart, figure.surfaces")) {
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

const launch = (...more) =>
  chromium.launch({
    executablePath: options.browser,
    args: [
      "--no-sandbox",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  });

// WebGL in software: the same everywhere.
const browser = await launch("--use-angle=swiftshader", "--enable-unsafe-swiftshader");

// Pages whose scene was taken away on purpose: what the library throws into it is no fault of theirs.
const lost = new Set();

const open = async (name, settings, browser) => {
  const context = await browser.newContext({ ...settings, offline: true });
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    if (!lost.has(page)) failures.push(`${name}: ${error.stack || error.message || String(error)}`);
  });
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
const hasWebGL = (page) => page.evaluate(() => document.createElement("canvas").getContext("webgl") !== null);

// What is drawn by the browser's own means alone: nothing, surfaces, or charts too.
const inspect = async (name, page, { charts, surfaces }) => {
  const faults = [
    ...(await page.evaluate(chartFaults, charts)),
    ...(await page.evaluate(surfaceFaults, surfaces)),
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

// How many colours a part of the page shows.
const coloursOf = async (page, part) => {
  const png = (await part.screenshot()).toString("base64");
  return page.evaluate(async (content) => {
    const image = new Image();
    image.src = "data:image/png;base64," + content;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return new Set(new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer)).size;
  }, png);
};

const trySurfaces = async (page) => {
  const figure = page.locator("figure.surfaces:has(.thumbnails)").first();
  if ((await figure.count()) === 0) return;
  const names = await figure.evaluate((node) =>
    JSON.parse(node.querySelector("script").textContent).surfaces.map(({ name }) => name),
  );
  const [scene, map] = [figure.locator(".pair .canvas").first(), figure.locator(".pair .canvas").last()];
  const settled = () => becomes(async () => (await figure.getAttribute("aria-busy")) === null);
  const layout = (key) => scene.evaluate((node, key) => JSON.stringify(node.layout.scene[key]), key);
  const pixels = async () => (await scene.screenshot()).toString("base64");
  const isSelected = async (index) => {
    const isShown = async () => (await figure.locator(".head strong").textContent()) === names[index];
    expect(await becomes(isShown), `surface ${index} is not shown`);
    await settled();
    expect((await figure.locator("[aria-pressed=true]").textContent()) === names[index], `thumbnail ${index} is not lit`);
    expect((await figure.locator("[type=range]").inputValue()) === String(index), `the slider is not at ${index}`);
  };

  await figure.scrollIntoViewIfNeeded();
  expect(await becomes(async () => (await coloursOf(page, scene)) > 200), "the scene is blank");
  await isSelected(0);

  const box = await scene.boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const camera = await layout("camera");
  await page.mouse.move(x, y);
  expect(await becomes(() => scene.locator(".hovertext").count()), "a pointer on the surface shows no numbers");
  await page.mouse.down();
  await page.mouse.move(x + 60, y + 10, { steps: 5 });
  await page.mouse.up();
  await page.mouse.move(2, 2);
  expect(await becomes(async () => (await layout("camera")) !== camera), "a drag does not turn the scene");
  const turned = await layout("camera");

  const before = await pixels();
  await figure.locator("[type=range]").focus();
  await page.keyboard.press("ArrowRight");
  await isSelected(1);
  expect(await becomes(async () => (await pixels()) !== before), "the scene does not follow the slider");
  expect((await layout("camera")) === turned, "the view is lost between surfaces");
  await figure.locator(".thumbnails button").last().click();
  await isSelected(names.length - 1);
  await page.keyboard.press("ArrowLeft");
  await isSelected(names.length - 2);

  // One surface may fill the common scale by itself; two cannot, unless they are the same.
  const toggle = async () => {
    await figure.locator("[type=checkbox]").click();
    await settled();
  };
  let changes = 0;
  for (const index of [names.length - 1, names.length - 2]) {
    await figure.locator(".thumbnails button").nth(index).click();
    await isSelected(index);
    const ownRange = await layout("zaxis");
    await toggle();
    if ((await layout("zaxis")) !== ownRange) changes += 1;
    await toggle();
  }
  expect(changes > 0, "the scale does not change");
  await map.hover();
  expect(await becomes(() => map.locator(".hovertext").count()), "a pointer on the map shows no numbers");
  await page.mouse.move(2, 2);
  await figure.getByText("Play").click();
  await isSelected(names.length - 1);
  await figure.getByText("Reset view").click();
  await settled();
  expect((await layout("camera")) === camera, "the view is not reset");
};

const contextLossFallsBack = async (page) => {
  const figure = page.locator("figure.surfaces").first();
  if ((await figure.count()) === 0) return;
  lost.add(page);
  await figure.evaluate((node) => {
    const context = node.querySelector("canvas").getContext("webgl");
    context.getExtension("WEBGL_lose_context").loseContext();
  });
  const drawing = figure.locator(".static > svg:visible");
  expect(await becomes(() => drawing.count()), "a lost scene does not give way to its drawing");
};

const interactive = { charts: false, surfaces: false };
const desktopWindow = { viewport: { width: 1280, height: 900 } };
const allStatic = { charts: true, surfaces: true };

try {
  const desktop = await open("light", { ...desktopWindow, colorScheme: "light" }, browser);
  for (const [option, selector] of [["charts", "figure.chart"], ["surfaces", "figure.surfaces"]]) {
    const found = await desktop.locator(selector).count();
    if (options[option] === undefined) continue;
    expect(found === Number(options[option]), `${found} ${option}, ${options[option]} were expected`);
  }
  const withoutLibrary = await isStatic(desktop);
  const withoutScenes = withoutLibrary || !(await hasWebGL(desktop));
  const drawnAs = withoutLibrary ? allStatic : { ...interactive, surfaces: withoutScenes };
  await inspect("light", desktop, drawnAs);
  await tryControls(desktop);
  if (!withoutScenes) await trySurfaces(desktop);
  await desktop.emulateMedia({ colorScheme: "dark" });
  await desktop.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await becomes(async () => (await desktop.locator("figure[aria-busy]").count()) === 0);
  await inspect("dark", desktop, drawnAs);
  await desktop.emulateMedia({ colorScheme: "light", media: "print" });
  await inspect("print", desktop, allStatic);
  await desktop.emulateMedia({ media: "screen" });
  if (!withoutScenes) await contextLossFallsBack(desktop);

  const phoneWindow = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
  const phone = await open("phone", phoneWindow, browser);
  await inspect("phone", phone, drawnAs);

  const unscripted = await open("no-script", { ...desktopWindow, javaScriptEnabled: false }, browser);
  await inspect("no-script", unscripted, allStatic);
  const unscriptedPhone = await open("phone-no-script", { ...phoneWindow, javaScriptEnabled: false }, browser);
  await inspect("phone-no-script", unscriptedPhone, allStatic);
  kind = withoutLibrary ? "static charts" : withoutScenes ? "interactive charts, no WebGL" : "interactive charts";
  if (!withoutScenes && (await desktop.locator("figure.surfaces").count()) > 0) {
    const flat = await launch("--disable-3d-apis");
    try {
      await inspect("no-webgl", await open("no-webgl", desktopWindow, flat), { ...interactive, surfaces: true });
    } finally {
      await flat.close();
    }
  }
} finally {
  await browser.close();
}

for (const failure of failures) console.error(failure);
console.log(failures.length === 0 ? `${positionals[0]}: all is well (${kind})` : `${failures.length} faults`);
process.exit(failures.length === 0 ? 0 : 1);
