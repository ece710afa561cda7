// The part of the walk of people in which somebody who may only read opens every page: nothing that would be refused is offered or asked.
import assert from "node:assert/strict";
import { PAGES, watchFor } from "./browser.mjs";

/** What a page may offer to whoever only reads, by the beginning of its name. */
const READING = new RegExp(`^(${[
  "Clear filters", "Clear the search", "Previous", "Next", "Show", "Open all", "Close all", "Copy", "Download", "Export",
  // Alerts of one severity, and the page of rules.
  "High", "Medium", "Low", "Informational", "Suppression rules",
  // Trying a policy stores nothing, and verifying the chain only reads it.
  "Try", "Examples", "From the inventory", "Edit a copy", "Use the stored one", "Verify the chain",
].join("|")})`);

/** One's own account is one's own to change, whatever one's roles. */
const OWN = "/account";

/** Names of the buttons of a page which do more than read. */
const buttonsOf = (page) => page.locator("main").evaluate((main) => {
  const buttons = main.querySelectorAll("button:not(.sort-button, .expand-button, [role=tab], .json button, .scope-list button), a.fui-Button, [role=switch], [type=file]");
  return [...buttons].map((button) => (button.getAttribute("aria-label") ?? button.textContent ?? "").trim());
});

/** Tabs that are used at once: most of a page's time is spent waiting for it to come to rest. */
const TABS = 4;

/** Opens every page of the menu, those that only write, and `details`. */
export async function walkAsReader({ context, origin, step, who, details }) {
  const places = [...PAGES, { name: "new-standard", path: "/standards/new" }, { name: "new-role", path: "/access/roles/new" }, ...details];
  const walkTab = async (_, number) => {
    const page = await context.newPage();
    const noted = await noteOf(page);
    for (const place of places.filter((__, at) => at % TABS === number)) {
      await step(`${who}: ${place.name} offers and asks nothing that is refused`, async () => {
        noted.length = 0;
        await page.goto(origin + place.path);
        await page.locator("main h1").waitFor();
        await page.waitForLoadState("networkidle");
        if (place.open) await page.locator(place.open).first().click();
        assert.equal(await page.getByRole("heading", { name: "You may not see this" }).count(), 0, "a page says which right is lacking before it asks for what is refused");
        if (place.path !== OWN) assert.deepEqual((await buttonsOf(page)).filter((name) => !READING.test(name)), []);
        assert.deepEqual(noted, []);
      });
    }
    await page.close();
  };
  await Promise.all(Array.from({ length: TABS }, walkTab));
}

/** What the browser complains of, and what the server refuses. */
async function noteOf(page) {
  const noted = [];
  page.setDefaultTimeout(20_000);
  page.on("response", (response) => response.status() === 403 && noted.push(`refused: ${response.request().method()} ${new URL(response.url()).pathname}`));
  await watchFor(page, noted);
  return noted;
}
