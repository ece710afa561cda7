// Pictures of every page, wide and narrow, light and dark: node tests/screens.mjs FOLDER
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { enter, launch, loginAddress, PAGES, watchFor } from "./browser.mjs";

const folder = process.argv[2] ?? "screens";
const SIZES = [{ name: "wide", width: 1440, height: 900 }, { name: "narrow", width: 390, height: 844 }];

await mkdir(folder, { recursive: true });
const browser = await launch();
const login = loginAddress();
const origin = new URL(login).origin;
const context = await browser.newContext({ locale: "en-GB" });
const page = await context.newPage();
const problems = [];
await watchFor(page, problems);
await enter(page, login);

/** Pages that are one thing of a list: the first of it. */
async function details() {
  const link = async (path, selector) => {
    await page.goto(origin + path);
    return page.locator(selector).first().getAttribute("href", { timeout: 5000 }).catch(() => undefined);
  };
  return [
    { name: "recommendation", path: await link("/recommendations?status=Unhealthy", "table[aria-label='Recommendations'] a"), shown: "table[aria-label='Assessments']", open: "table[aria-label='Assessments'] .expand-button" },
    { name: "recommendation-unknown", path: await link("/recommendations?status=HasUnknown", "table[aria-label='Recommendations'] a"), shown: "table[aria-label='Assessments']", open: "table[aria-label='Assessments'] .expand-button" },
    { name: "baseline", path: "/recommendations/machine-security-configuration-met", shown: "table[aria-label='Assessments']", open: "table[aria-label='Assessments'] .expand-button" },
    { name: "exempt-dialog", path: "/recommendations/machine-security-configuration-met", shown: "table[aria-label='Assessments']", open: "header button" , dialog: true },
    { name: "resource", path: await link("/inventory?status=Unhealthy", "table[aria-label='Resources'] a"), shown: "table[aria-label='Assessments']", open: "table[aria-label='Assessments'] .expand-button" },
    { name: "grouped", path: "/recommendations?group=control", shown: "table[aria-label='Recommendations']" },
    { name: "standard", path: await link("/compliance", "main section h2 a"), shown: ".tree", open: ".tree .expand-button" },
    { name: "policy-scope", path: "/policy?scope=/", shown: "table[aria-label='Assignments'], main .state-note" },
    { name: "policy-assignment", path: await link("/policy", "table[aria-label='Assignments'] a"), shown: "table[aria-label='Definitions']", open: "table[aria-label='Definitions'] .expand-button" },
    { name: "policy-states", path: await link("/policy", "table[aria-label='Assignments'] a").then((path) => path && `${path}&tab=resources`), shown: "table[aria-label='Policy states'], main .state-note", open: "table[aria-label='Policy states'] .expand-button" },
    { name: "policy-definition", path: await link("/policy/definitions?kind=definition", "table[aria-label='Definitions'] a"), shown: ".rule" },
    { name: "policy-initiative", path: await link("/policy/definitions?kind=initiative", "table[aria-label='Definitions'] a"), shown: "table[aria-label='Definitions']" },
    { name: "plan", path: await link("/plans", "table[aria-label='Plans'] a"), shown: "section[aria-label='What it brings']" },
    { name: "principal", path: await link("/access", "table[aria-label='Users'] a"), shown: "section[aria-label='Facts']" },
    { name: "role", path: await link("/access?tab=roles", "table[aria-label='Roles'] a"), shown: "section[aria-label='What it allows']" },
    { name: "sign-in", path: "/sign-in", shown: ".outside-card" },
    { name: "no-match", path: "/inventory?q=nothing-is-called-this", shown: "main .state-note" },
    { name: "not-found", path: "/recommendations/no-such-recommendation", shown: "[role=alert]" },
  ].filter((place) => place.path);
}

const places = [...PAGES, ...(await details())];
for (const scheme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  for (const size of SIZES) {
    await page.setViewportSize(size);
    for (const place of places) {
      await page.goto(origin + place.path);
      try {
        await page.waitForSelector(place.shown, { timeout: 8000 });
      } catch {
        console.log(`not shown: ${place.name}`);
      }
      if (place.open) await page.locator(place.dialog ? "main header button" : place.open).first().click({ timeout: 3000 }).catch(() => console.log(`nothing to open: ${place.name}`));
      await page.waitForLoadState("networkidle");
      await page.screenshot({ animations: "disabled", path: join(folder, `${place.name}-${size.name}-${scheme}.png`), fullPage: !place.dialog });
    }
  }
}
await browser.close();
problems.forEach((problem) => console.log(problem));
