// Pictures of every page, wide and narrow, light and dark: node tests/screens.mjs FOLDER
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { detailPages, enter, launch, loginAddress, PAGES, watchFor } from "./browser.mjs";

const folder = process.argv[2] ?? "screens";
const SIZES = [{ name: "wide", width: 1440, height: 900 }, { name: "narrow", width: 420, height: 900 }];

await mkdir(folder, { recursive: true });
const browser = await launch();
const login = loginAddress();
const origin = new URL(login).origin;
const context = await browser.newContext({ locale: "en-GB" });
const page = await context.newPage();
const problems = [];
await watchFor(page, problems);
await enter(page, login);

const details = await detailPages(page, origin);
const alert = details.find((place) => place.name === "alert");
const places = [
  ...PAGES,
  ...details,
  { name: "baseline", path: "/recommendations/machine-security-configuration-met", shown: "table[aria-label='Assessments']", open: "table[aria-label='Assessments'] .expand-button" },
  { name: "exempt-dialog", path: "/recommendations/machine-security-configuration-met", shown: "table[aria-label='Assessments']", dialog: "main header button" },
  { name: "grouped", path: "/recommendations?group=control", shown: "table[aria-label='Recommendations']" },
  { name: "policy-scope", path: "/policy?scope=/", shown: "table[aria-label='Assignments'], main .state-note" },
  ...(alert ? [{ name: "alert-suppress", path: alert.path, shown: "section[aria-label='Take action']", dialog: "main button:has-text('Suppress alerts like this')" }] : []),
  { name: "alerts-simulate", path: "/alerts", shown: "main .card", dialog: "main button:has-text('Make sample alerts')" },
  { name: "alerts-no-match", path: "/alerts?q=nothing-is-called-this", shown: "main .state-note" },
  { name: "access-groups", path: "/access?tab=groups", shown: "main .card" },
  { name: "access-programs", path: "/access?tab=programs", shown: "main .card" },
  { name: "new-role", path: "/access/roles/new", shown: "form[aria-label=Role]" },
  { name: "new-standard", path: "/standards/new", shown: "section[aria-label='The standard']" },
  { name: "device", path: "/device", shown: "main" },
  { name: "sign-in", path: "/sign-in", shown: ".outside-card" },
  { name: "no-match", path: "/inventory?q=nothing-is-called-this", shown: "main .state-note" },
  { name: "not-found", path: "/recommendations/no-such-recommendation", shown: "[role=alert]" },
];

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
      const more = place.dialog ?? place.open;
      if (more) await page.locator(more).first().click({ timeout: 3000 }).catch(() => console.log(`nothing to open: ${place.name}`));
      await page.waitForLoadState("networkidle");
      await page.screenshot({ animations: "disabled", path: join(folder, `${place.name}-${size.name}-${scheme}.png`), fullPage: !place.dialog });
    }
  }
}
await browser.close();
problems.forEach((problem) => console.log(problem));
