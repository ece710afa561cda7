// Opens a report of a scan in Chromium as a person would and checks what it does: node report.mjs FILE.html [MAX_PAINT_MS]
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(new URL("../../../console/package.json", import.meta.url))("playwright-core");
const [file, maxPaint = "2000"] = process.argv.slice(2);
const address = pathToFileURL(file).href;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
});

async function open(width) {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  page.setDefaultTimeout(10_000);
  page.problems = [];
  page.on("console", (message) => { if (message.type() === "error") page.problems.push(message.text()); });
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("request", (request) => { if (request.url() !== address) page.problems.push(`asks for ${request.url()}`); });
  await page.goto(address);
  await page.locator("#rows .row").first().waitFor();
  return page;
}

const shown = async (page) => Number((await page.locator("#shown").textContent()).split(" of ")[0].replace(/\D/g, ""));
const firstRow = (page) => page.locator("#rows .row").first();

for (const width of [1280, 480]) {
  const page = await open(width);
  const all = await page.evaluate(() => JSON.parse(document.getElementById("data").textContent).assessments.status);
  const count = (...wanted) => all.filter((status) => wanted.includes(status)).length;

  const [inner, whole] = await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
  assert.ok(whole <= inner, `the page is ${whole} pixels wide in a window of ${inner}`);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  assert.ok(paint < Number(maxPaint), `the first paint took ${paint} ms`);

  assert.equal(await shown(page), count(0, 1), "unhealthy and unknown are shown first");
  for (const box of ["healthy", "not-applicable"]) await page.locator(`#filters input[value=${box}]`).check();
  assert.equal(await shown(page), all.length);
  const nRows = await page.locator("#rows .row").count();
  assert.ok(nRows < 60, `${nRows} rows exist at once`);

  await page.locator("#rows").evaluate((rows) => { rows.scrollTop = rows.scrollHeight; });
  await page.locator(`#rows .row[aria-rowindex="${all.length + 1}"]`).waitFor();

  const titles = async () => (await page.locator("#rows .row .name").allTextContents()).slice(0, 8);
  await page.locator("[data-sort=title]").click();
  const up = await titles();
  assert.deepEqual(up, [...up].sort((left, right) => (left.toLowerCase() < right.toLowerCase() ? -1 : 1)));
  await page.locator("[data-sort=title]").click();
  assert.notDeepEqual(await titles(), up);
  assert.equal(await page.locator("[aria-sort=descending]").count(), 1);

  const name = await firstRow(page).locator(".thing").textContent();
  await page.locator("#filters input[type=search]").fill(name.slice(0, 40));
  assert.ok((await shown(page)) > 0 && (await shown(page)) < all.length, `searched for ${name}`);
  await page.locator("#filters input[type=search]").fill("no such thing anywhere");
  assert.equal(await shown(page), 0);
  await page.locator("#filters input[type=search]").fill("");

  const link = page.locator("#recommendations a").first();
  await link.click();
  assert.ok((await page.locator("#shown").textContent()).includes(await link.textContent()));
  await page.locator("#shown button").click();

  await page.locator("#rows").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("#detail[open]").waitFor();
  assert.ok((await page.locator("#detail-title").textContent()).length > 5);
  assert.ok((await page.locator("#detail dd").count()) >= 7);
  await page.keyboard.press("Escape");

  assert.equal(await page.evaluate(() => window.wasRun), undefined, "a name was run");
  const policy = await page.evaluate(() => {
    const element = document.createElement("img");
    element.setAttribute("onerror", "window.wasRun = 1");
    element.src = "data:,";
    document.body.append(element);
    return new Promise((done) => setTimeout(() => done(window.wasRun ?? "refused"), 300));
  });
  assert.equal(policy, "refused", "the policy lets handlers run");
  const own = page.problems.filter((problem) => !/Content Security Policy/.test(problem) || !/data:|inline event handler/.test(problem));
  assert.deepEqual(own, []);
  console.log(`ok      ${width} pixels: ${all.length} assessments, first paint after ${Math.round(paint)} ms`);
  await page.close();
}
await browser.close();
