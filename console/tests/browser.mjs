// Starts the system's Chromium and notes what it complains about.
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
  // The server's certificate is of its own CA, which this browser was never told of.
  "--ignore-certificate-errors",
];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });

/** Messages of errors: the console's, violations of the policy, uncaught exceptions. */
export async function watchFor(page, problems) {
  page.on("console", (message) => {
    if (message.type() === "error" && !isMeant(message.location().url)) problems.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`));
  });
}

/** A subscription without a contact answers 404, as does a tenant that Defender was never asked about; the page takes it for what it is. */
const isMeant = (url) => url.includes("/securityContacts/") || url.endsWith("/defender");

/** The places of the console, with what shows that the page is there. */
export const PAGES = [
  { name: "overview", path: "/", shown: "[aria-label='Security controls'] table" },
  { name: "recommendations", path: "/recommendations", shown: "table[aria-label='Recommendations']" },
  { name: "inventory", path: "/inventory", shown: "table[aria-label='Resources']" },
  { name: "compliance", path: "/compliance", shown: "main section h2" },
  { name: "policy", path: "/policy", shown: "main .card h2" },
  { name: "policy-definitions", path: "/policy/definitions", shown: "main .card h2, table[aria-label='Definitions']" },
  { name: "policy-try", path: "/policy/try", shown: ".editor" },
  { name: "connectors", path: "/connectors", shown: "table[aria-label='Connectors']" },
  { name: "connect", path: "/connectors/new", shown: "ol[aria-label='Steps']" },
  { name: "coverage", path: "/coverage", shown: "table[aria-label='Coverage']" },
  { name: "exemptions", path: "/exemptions", shown: "main .card" },
  { name: "protection", path: "/protection", shown: "section[aria-label='Coverage'], main .state-note" },
  { name: "alerts", path: "/alerts", shown: "table[aria-label='Alerts'], main .state-note" },
  { name: "alert-groups", path: "/alerts?group=resource", shown: "table[aria-label='Groups of alerts'], main .state-note" },
  { name: "suppression", path: "/alerts/suppression", shown: "table[aria-label='Suppression rules'], main .state-note" },
  { name: "incidents", path: "/incidents", shown: "table[aria-label='Incidents'], main .state-note" },
  { name: "logs", path: "/logs", shown: "table[aria-label='Log inputs'], main .state-note" },
  { name: "plans", path: "/plans", shown: "main .card" },
  { name: "access", path: "/access", shown: "main .card" },
  { name: "access-roles", path: "/access?tab=roles", shown: "table[aria-label='Roles']" },
  { name: "audit", path: "/audit", shown: "section[aria-label='The chain']" },
  { name: "settings", path: "/settings", shown: "section[aria-label='This installation']" },
  { name: "account", path: "/account", shown: "section[aria-label='Details']" },
  { name: "changes", path: "/changes", shown: "main .card h2, table[aria-label='Changes']" },
];

/** Pages that are one thing of a list: the first of it, where there is one. `open` is what a click on shows more. */
export async function detailPages(page, origin) {
  const link = async (path, selector) => {
    await page.goto(origin + path);
    await page.locator(`${selector}, main .state-note, main table`).first().waitFor();
    const found = page.locator(selector).first();
    return (await found.count()) > 0 ? found.getAttribute("href") : undefined;
  };
  const assessments = { shown: "table[aria-label='Assessments']", open: "table[aria-label='Assessments'] .expand-button" };
  const assignment = await link("/policy", "table[aria-label='Assignments'] a");
  return [
    { name: "recommendation", path: await link("/recommendations?status=Unhealthy", "table[aria-label='Recommendations'] a"), ...assessments },
    { name: "recommendation-unknown", path: await link("/recommendations?status=HasUnknown", "table[aria-label='Recommendations'] a"), ...assessments },
    { name: "resource", path: await link("/inventory?status=Unhealthy", "table[aria-label='Resources'] a"), ...assessments },
    { name: "standard", path: await link("/compliance", "main section h2 a"), shown: ".tree", open: ".tree .expand-button" },
    { name: "policy-assignment", path: assignment, shown: "table[aria-label='Definitions']", open: "table[aria-label='Definitions'] .expand-button" },
    { name: "policy-states", path: assignment && `${assignment}&tab=resources`, shown: "table[aria-label='Policy states'], main .state-note", open: "table[aria-label='Policy states'] .expand-button" },
    { name: "policy-definition", path: await link("/policy/definitions?kind=definition", "table[aria-label='Definitions'] a"), shown: ".rule" },
    { name: "policy-initiative", path: await link("/policy/definitions?kind=initiative", "table[aria-label='Definitions'] a"), shown: "table[aria-label='Definitions']" },
    { name: "alert", path: await link("/alerts?status=any", "table[aria-label='Alerts'] a"), shown: "section[aria-label='What happened']" },
    { name: "incident", path: await link("/incidents?status=any", "table[aria-label='Incidents'] a"), shown: "section[aria-label='Kill chain']" },
    { name: "plan", path: await link("/plans", "table[aria-label='Plans'] a"), shown: "section[aria-label='What it brings']" },
    { name: "defender", path: await link("/connectors", "table[aria-label='Connectors'] a[href$='/defender']"), shown: "section[aria-label='Compared'], section[aria-label='How to ask Defender']" },
    { name: "principal", path: await link("/access", "table[aria-label='Users'] a"), shown: "section[aria-label='Facts']" },
    { name: "role", path: await link("/access?tab=roles", "table[aria-label='Roles'] a"), shown: "section[aria-label='What it allows']" },
  ].filter((place) => place.path);
}

export const SCORE = "[data-testid=secure-score]";

/** Opens the address that `up` printed; where that is a first run, the first account is left for later. */
export async function enter(page, login) {
  await page.goto(login);
  const later = page.getByRole("button", { name: "Later" });
  await page.locator(SCORE).or(later).first().waitFor();
  // The overview may show for a moment before the first run is known.
  await page.waitForLoadState("networkidle");
  if (await later.isVisible()) await later.click();
  await page.waitForSelector(SCORE);
}

export function loginAddress() {
  const address = process.env.SKYWARDEN_URL;
  if (address) return address;
  console.error("SKYWARDEN_URL must be the address that `skywarden up` printed");
  process.exit(2);
}
