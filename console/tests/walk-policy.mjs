// The part of the walk that goes through policies: it imports some, looks at what they say, and takes them away again.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "policies");
const GROUP = "/providers/Microsoft.Management/managementGroups/walk";
const ASSIGNMENT = "/providers/Microsoft.Authorization/policyAssignments/walk-baseline";
const OPEN_PORTS = `${GROUP}/providers/Microsoft.Authorization/policyDefinitions/walk-group-open`;
const INITIATIVE = `${GROUP}/providers/Microsoft.Authorization/policySetDefinitions/walk-baseline`;
/** What is left once the assignment is gone, the ones that rest on others first. */
const REST = [
  "/subscriptions/123456789012/providers/Microsoft.Authorization/policyExemptions/walk-buckets",
  INITIATIVE,
  OPEN_PORTS,
  `${GROUP}/providers/Microsoft.Authorization/policyDefinitions/walk-bucket-block`,
  GROUP,
];
const BROKEN = "- type: Microsoft.Authorization/policyDefinitions\n  name: broken\n  properties:\n    policyRule:\n      if: { field: type, equls: T }\n      then: { effect: deny }\n";
const MISTAKEN = "properties:\n  displayName: Ports\n  policyRule:\n    if:\n      allOf:\n        - { field: type, equals: AWS::EC2::SecurityGroup }\n        - { field: properties.GroupName, lik: 'corp-*' }\n    then: { effect: deny }\n";

const assignmentPath = (tab) => `/policy/assignment?id=${encodeURIComponent(ASSIGNMENT)}${tab ? `&tab=${tab}` : ""}`;
const definitionPath = (id) => `/policy/definition?id=${encodeURIComponent(id)}`;

export async function walkPolicy({ page, origin, step, openFromMenu, assertFits }) {
  const objects = () => page.evaluate(async () => (await (await fetch("/api/v1/policy")).json()).objects);
  const seen = {};
  const dialog = page.getByRole("dialog");

  await step("a file with a mistake tells its place before anything is taken", async () => {
    await openFromMenu("Policy");
    await page.getByRole("button", { name: /^Import/ }).click();
    seen.before = await objects();
    await dialog.getByLabel("Files to import").setInputFiles({ name: "broken.yaml", mimeType: "application/yaml", buffer: Buffer.from(BROKEN) });
    await dialog.getByText(/^broken\.yaml:5:\d+$/).waitFor();
    await dialog.getByText("did you mean `equals`?", { exact: false }).waitFor();
    assert.ok(await dialog.getByRole("button", { name: "Import", exact: true }).isDisabled());
  });

  await step("policies are imported after a look at what they are, and judged", async () => {
    await dialog.getByLabel("Files to import").setInputFiles(readdirSync(FOLDER).map((name) => join(FOLDER, name)));
    await dialog.getByText("Would be taken: 1 management group, 2 definitions, 1 initiative, 1 assignment, 1 exemption.").waitFor();
    assert.deepEqual(await objects(), seen.before, "a dry run takes nothing");
    await dialog.getByRole("button", { name: "Import", exact: true }).click();
    await dialog.getByText(/\d+ resources judged/).waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    const row = page.getByRole("table", { name: "Assignments" }).getByRole("row").filter({ hasText: "Baseline for the walk" });
    await row.getByText("Not enforced").waitFor();
  });

  await step("a scope shows what it inherits, what leaves it out, and what is exempt there", async () => {
    const scopes = page.getByRole("navigation", { name: "Scopes" });
    await scopes.getByRole("button", { name: /\(fleet\)/ }).click();
    await page.getByText("Left out here").waitFor();
    await scopes.getByRole("button", { name: /^Sample AWS account/ }).click();
    await page.getByText("Left out here").waitFor({ state: "detached" });
    const exemption = page.getByRole("table", { name: "Policy exemptions" }).getByRole("row").filter({ hasText: "Buckets wait for the migration" });
    await exemption.getByText("2099").waitFor();
  });

  await step("the assignment tells each effect and who set it, grouped or not", async () => {
    await page.getByRole("table", { name: "Assignments" }).getByRole("link", { name: "Baseline for the walk" }).click();
    const table = page.getByRole("table", { name: "Definitions" });
    await table.getByText("Data stays private").waitFor();
    const bucket = table.getByRole("row").filter({ hasText: "Buckets ignore public access lists" });
    await bucket.getByText("an override of the assignment").waitFor();
    await table.getByRole("button", { name: /^Details of Security groups/ }).click();
    const ports = page.getByRole("table", { name: "Parameters" }).getByRole("row").filter({ hasText: "allowedPorts" });
    await ports.getByText("default of the initiative").waitFor();
    await page.getByRole("switch", { name: "Grouped" }).click();
    await table.getByText("Data stays private").waitFor({ state: "detached" });
  });

  await step("its resources are filtered by state and open to their evidence and history", async () => {
    await page.getByRole("tab", { name: "Resources" }).click();
    await page.getByLabel("State", { exact: true }).selectOption({ label: "Non-compliant" });
    await page.waitForURL(/state=NonCompliant/);
    const table = page.getByRole("table", { name: "Policy states" });
    await page.waitForFunction(() => {
      const rows = [...document.querySelectorAll("table[aria-label='Policy states'] tr.plain-row")];
      return rows.length > 0 && rows.every((row) => row.textContent.includes("Non-compliant"));
    });
    await table.getByRole("button", { name: /^Details of/ }).first().click();
    await page.getByRole("table", { name: "Evidence" }).getByText("0.0.0.0/0").first().waitFor();
    await page.getByText("Close the port, or ask for an exemption.").waitFor();
    await page.getByText(/^History, since/).click();
    await page.getByRole("table", { name: "History" }).getByText("Not judged").first().waitFor();
    seen.resource = await table.getByRole("link").first().getAttribute("href");
  });

  await step("the resource's page has the policies that concern it", async () => {
    await page.goto(origin + seen.resource);
    const section = page.getByRole("region", { name: "Policies" });
    await section.getByRole("link", { name: "Security groups open no port to everybody" }).waitFor();
    await section.locator("tr.plain-row .tone-Unhealthy").waitFor();
  });

  await step("a definition is found and its rule stands there in words", async () => {
    await page.goto(`${origin}/policy/definitions`);
    await page.getByRole("searchbox", { name: "Search" }).fill("open no port");
    await page.waitForURL(/q=open/);
    await page.getByRole("table", { name: "Definitions" }).getByRole("link", { name: "Security groups open no port to everybody" }).click();
    const rule = page.getByRole("region", { name: "Rule" });
    const text = (await rule.locator(".rule").first().textContent()).replace(/\s+/g, " ");
    for (const words of ["all of these hold:", "at least 1 of properties.IpPermissions[*] where:", "is none of parameter allowedPorts: [443]", "equals 0.0.0.0/0"]) {
      assert.ok(text.includes(words), `“${words}” is not in: ${text}`);
    }
    await rule.getByText("the resource is marked as non-compliant (audit)").waitFor();
    await rule.getByRole("tab", { name: "JSON" }).click();
    await rule.getByRole("button", { name: "Copy JSON" }).waitFor();
    await page.getByRole("link", { name: "Walked baseline" }).click();
    await page.getByRole("table", { name: "Definitions" }).getByText("Networks are closed").waitFor();
  });

  await step("a definition that is tried with a mistake leads to its place, then decides", async () => {
    await openFromMenu("Policy");
    await page.getByRole("button", { name: "Try a policy" }).click();
    const definition = page.getByLabel("Definition in JSON or YAML");
    await definition.fill(MISTAKEN);
    await page.getByRole("button", { name: "From the inventory" }).click();
    await dialog.getByRole("searchbox", { name: "Search resources" }).fill("corp-bastion");
    await dialog.getByRole("button", { name: /^corp-bastion.*SecurityGroup/ }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Try", exact: true }).click();
    await page.getByRole("region", { name: "Mistakes" }).getByRole("button", { name: /^Definition, line 7, column \d+$/ }).click();
    assert.equal(await definition.evaluate((own) => own.value.slice(0, own.selectionStart).split("\n").length), 7, "the cursor is at the mistake");
    await definition.fill(MISTAKEN.replace("lik:", "like:"));
    await page.getByRole("button", { name: "Try", exact: true }).click();
    const outcome = page.getByRole("region", { name: /^Outcome for/ });
    await outcome.getByText("It would be denied").waitFor();
    await outcome.getByRole("table", { name: "Evidence" }).getByText("corp-bastion").waitFor();
  });

  await step("an example fills both texts and shows what would be changed", async () => {
    await page.getByRole("button", { name: "Examples" }).click();
    await page.getByRole("menuitem", { name: /owner tag/ }).click();
    await page.getByRole("button", { name: "Try", exact: true }).click();
    const changes = page.getByRole("table", { name: "Changes" });
    await changes.getByText("team-storage").waitFor();
    await changes.getByText("not set").waitFor();
  });

  await page.setViewportSize({ width: 390, height: 800 });
  const places = {
    "policies": "/policy", "an assignment": assignmentPath(), "its resources": assignmentPath("resources"), "its history": assignmentPath("history"),
    "a document": assignmentPath("json"), "a definition": definitionPath(OPEN_PORTS), "an initiative": definitionPath(INITIATIVE),
  };
  for (const [name, path] of Object.entries(places)) {
    await step(`narrow: ${name} does not scroll sideways`, async () => {
      await page.goto(origin + path);
      await page.locator("main h1").waitFor();
      await page.waitForLoadState("networkidle");
      await page.locator("main table .expand-button").first().click({ timeout: 1000 }).catch(() => undefined);
      await assertFits(path);
    });
  }
  await page.setViewportSize({ width: 1440, height: 900 });

  await step("deleting the assignment ends what it judged, and the store is left as it was", async () => {
    await page.goto(origin + assignmentPath());
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByText("Delete “Baseline for the walk”?").waitFor();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/policy$/);
    await page.getByText("Nothing is assigned yet").or(page.getByRole("table", { name: "Assignments" })).first().waitFor();
    assert.equal(await page.getByRole("link", { name: "Baseline for the walk" }).count(), 0);
    const statuses = await page.evaluate(async (ids) => {
      const found = [];
      for (const id of ids) found.push((await fetch(`/api/v1/policy/object?id=${encodeURIComponent(id)}`, { method: "DELETE" })).status);
      return found;
    }, REST);
    assert.deepEqual(statuses, REST.map(() => 200));
    assert.deepEqual(await objects(), seen.before);
  });
}
