// Walks through the console as a person would and checks what it sees: SKYWARDEN_URL=LOGIN_ADDRESS node tests/walk.mjs
import assert from "node:assert/strict";
import { detailPages, enter, launch, loginAddress, PAGES, SCORE, watchFor } from "./browser.mjs";
import { step, summary } from "./steps.mjs";
import { walkCustom } from "./walk-custom.mjs";
import { walkManyAndStandards } from "./walk-many.mjs";
import { walkPolicy } from "./walk-policy.mjs";
import { walkThreats } from "./walk-threats.mjs";

const login = loginAddress();
const origin = new URL(login).origin;
const REASON = "Walked through by the console's test";

const browser = await launch();
const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 } });
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const problems = [];
await watchFor(page, problems);

const score = async () => Number(await page.locator(SCORE).getAttribute("data-value"));
const openFromMenu = (name) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();

/** Whether the page itself, not a part inside it, is wider than the window. */
async function assertFits(path) {
  const [inner, whole] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
  assert.ok(whole <= inner, `${path} is ${whole} pixels wide in a window of ${inner}`);
}

const seen = {};

await step("the login address opens the overview with a score", async () => {
  await enter(page, login);
  seen.before = await score();
  assert.ok(seen.before > 0 && seen.before <= 1, `score ${seen.before}`);
});

await step("a control with unhealthy resources leads to its recommendations", async () => {
  const rows = page.getByRole("table", { name: "Security controls" }).getByRole("row");
  const row = rows.filter({ has: page.locator("td[data-label=Unhealthy] .tone-Unhealthy") }).filter({ hasText: "+" })
    // Without a healthy resource a control has no points, and one resource less changes nothing.
    .filter({ has: page.locator("td[data-label=Healthy] .tone-Healthy") }).first();
  seen.control = await row.getByRole("link").first().textContent();
  await row.getByRole("link").first().click();
  await page.waitForURL(/\/recommendations\?control=/);
  await page.getByRole("table", { name: "Recommendations" }).waitFor();
});

/** The control's resources change the score only if one of them has no other unhealthy check in it: such a one is looked for. */
async function resourcesOf(href) {
  const id = decodeURIComponent(new URL(href, origin).pathname.split("/").pop());
  return page.evaluate(async (recommendation) => {
    const answer = await fetch(`/api/v1/assessments?recommendation=${encodeURIComponent(recommendation)}&status=Unhealthy&limit=500`);
    return (await answer.json()).items.map((item) => item.resource);
  }, id);
}

await step("a recommendation of the control lists its unhealthy resources", async () => {
  const links = page.getByRole("table", { name: "Recommendations" }).getByRole("link");
  const unhealthy = page.getByRole("table", { name: "Recommendations" }).getByRole("row").filter({ has: page.locator(".tone-Unhealthy") });
  await unhealthy.first().waitFor();
  const hrefs = await unhealthy.getByRole("link").evaluateAll((all) => all.map((link) => link.getAttribute("href")));
  const times = new Map();
  const byHref = new Map();
  for (const href of hrefs) {
    byHref.set(href, await resourcesOf(href));
    byHref.get(href).forEach((resource) => times.set(resource, (times.get(resource) ?? 0) + 1));
  }
  seen.href = hrefs.find((href) => byHref.get(href).some((resource) => times.get(resource) === 1)) ?? hrefs[0];
  seen.resource = byHref.get(seen.href).find((resource) => times.get(resource) === 1) ?? byHref.get(seen.href)[0];
  await links.and(page.locator(`a[href="${seen.href}"]`)).click();
  await page.getByRole("tab", { name: /^Unhealthy/ }).click();
  await page.waitForURL(/status=Unhealthy/);
  await page.getByRole("table", { name: "Assessments" }).waitFor();
});

await step("the resource opens to its evidence", async () => {
  await page.getByRole("searchbox", { name: "Search resources" }).fill(seen.resource);
  const row = page.getByRole("table", { name: "Assessments" }).locator("tr.plain-row");
  await page.waitForFunction(() => document.querySelectorAll("table[aria-label=Assessments] tr.plain-row").length === 1);
  await row.getByRole("button").first().click();
  await page.locator("tr.detail-row").getByRole("table", { name: /Evidence|Findings/ }).first().waitFor();
});

await step("an exemption needs a reason", async () => {
  await page.getByRole("button", { name: "Exempt this resource" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Add exemption" }).click();
  await page.getByText("Give a reason").waitFor();
});

await step("the resource is exempted and a message tells the scores", async () => {
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("radio", { name: /Waiver/ }).check();
  await dialog.getByRole("textbox", { name: "Reason" }).fill(REASON);
  await dialog.getByRole("button", { name: "Add exemption" }).click();
  const message = page.locator(".fui-Toast");
  await message.getByText("Exemption added").waitFor();
  await message.getByText(/The secure score was .* and is now/).waitFor();
  await dialog.waitFor({ state: "detached" });
});

await step("the overview shows a changed score", async () => {
  await openFromMenu("Overview");
  await page.waitForFunction(([selector, before]) => {
    const value = document.querySelector(selector)?.getAttribute("data-value");
    return value !== undefined && value !== null && Number(value) !== before;
  }, [SCORE, seen.before]);
  seen.after = await score();
  console.log(`        ${seen.before} -> ${seen.after}`);
});

await step("removing the exemption gives the score back", async () => {
  await openFromMenu("Exemptions");
  const row = page.getByRole("table", { name: "Exemptions" }).getByRole("row").filter({ hasText: REASON });
  await row.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await row.waitFor({ state: "detached" });
  await openFromMenu("Overview");
  await page.waitForFunction(([selector, before]) => Number(document.querySelector(selector)?.getAttribute("data-value")) === before, [SCORE, seen.before]);
});

await walkManyAndStandards({ page, context, origin, step, openFromMenu, seen, problems, reason: REASON });
await walkCustom({ page, origin, step });
await walkPolicy({ page, origin, step, openFromMenu, assertFits });
await walkThreats({ page, origin, step, openFromMenu, assertFits });

await step("the colours can be switched and stay switched", async () => {
  await openFromMenu("Overview");
  await page.waitForSelector(SCORE);
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const first = await theme();
  await page.getByRole("button", { name: /^Switch to/ }).click();
  await page.waitForFunction((was) => document.documentElement.dataset.theme !== was, first);
  await page.reload();
  await page.waitForSelector(SCORE);
  assert.notEqual(await theme(), first);
});

await step("the keyboard reaches the content through the skip link", async () => {
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "content");
});

await page.setViewportSize({ width: 390, height: 800 });
await step("narrow: the menu opens, leads on and closes", async () => {
  await page.getByRole("button", { name: "Open the menu" }).click();
  await page.getByRole("dialog").getByRole("link", { name: "Inventory" }).click();
  await page.getByRole("table", { name: "Resources" }).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

for (const place of [...PAGES, ...(await detailPages(page, origin))]) {
  await step(`narrow: ${place.name} does not scroll sideways, and the browser has nothing to say`, async () => {
    const before = problems.length;
    await page.goto(origin + place.path);
    await page.waitForSelector(place.shown);
    await page.waitForLoadState("networkidle");
    const more = page.locator("main .expand-button").first();
    if (await more.isVisible()) await more.click();
    await assertFits(place.path);
    assert.deepEqual(problems.slice(before), []);
  });
}

// `cargo xtask test` puts resources with hostile names into the store; elsewhere there may be none.
const hostile = await page.evaluate(async () => (await (await fetch("/api/v1/resources?q=hostile-&limit=50")).json()).items.map((item) => item.id));
if (hostile.length > 0) {
  await page.setViewportSize({ width: 1440, height: 900 });
  await step(`${hostile.length} hostile names are shown as text and run nothing`, async () => {
    await page.goto(`${origin}/inventory?q=hostile-`);
    await page.getByText("<img src=x onerror=").first().waitFor();
    await assertFits("/inventory");
    for (const id of hostile) {
      await page.goto(`${origin}/inventory/resource?id=${encodeURIComponent(id)}`);
      await page.waitForSelector("section[aria-label='Properties']");
      await assertFits(`a hostile resource`);
    }
    assert.equal(await page.evaluate(() => window.wasRun), undefined);
    assert.equal(await page.locator("main img").count(), 0);
  });
}

/** A page of its own, whose errors are meant: what the server answers is replaced. */
async function withAnswers(answer, work) {
  const other = await context.newPage();
  await other.route("**/api/v1/**", answer);
  await other.goto(`${origin}/recommendations`);
  await work(other);
  await other.close();
}

await step("a session that has ended leads to the sign-in page, which knows the way back", () =>
  withAnswers(
    (route) => (new URL(route.request().url()).pathname === "/api/v1/sign-in"
      ? route.fallback()
      : route.fulfill({ status: 401, contentType: "application/json", body: '{"error":{"code":"AuthenticationFailed","message":"log in"}}' })),
    async (other) => {
      await other.waitForURL(/\/sign-in\?return=%2Frecommendations$/);
      await other.getByRole("heading", { name: "Sign in", level: 1 }).waitFor();
    },
  ));

await step("a server that does not answer is told, with a way to try again", () =>
  withAnswers((route) => route.abort(), async (other) => {
    await other.getByText("The server does not answer.").waitFor();
    await other.unroute("**/api/v1/**");
    await other.getByRole("button", { name: "Try again" }).click();
    await other.getByRole("table", { name: "Recommendations" }).waitFor();
  }));

await step("the browser reports no error and no violation of the policy", async () => {
  assert.deepEqual(problems, []);
});

await browser.close();
summary();
