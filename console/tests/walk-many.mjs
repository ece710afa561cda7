// The part of the walk that goes through exemptions of many resources, standards and connectors.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { watchFor } from "./browser.mjs";
import { walkOwnStandard } from "./walk-standards.mjs";

export async function walkManyAndStandards({ page, context, origin, step, openFromMenu, seen, problems, reason }) {
  await step("several resources are exempted together, with one request, and lifted together", async () => {
    const requests = [];
    page.on("request", (request) => request.method() === "POST" && requests.push(new URL(request.url()).pathname));
    await page.goto(`${origin}${seen.href}?status=Unhealthy`);
    const table = page.getByRole("table", { name: "Assessments" });
    await table.waitFor();
    const n = Number((await page.getByRole("tab", { name: /^Unhealthy/ }).textContent()).replace(/\D/g, ""));
    await table.getByRole("checkbox", { name: "Choose all that are shown" }).click();
    const chosen = await table.locator("tbody input[type=checkbox]:checked").count();
    assert.ok(chosen >= 1 && chosen <= n, `${chosen} of ${n} chosen`);
    await page.getByRole("button", { name: `Exempt ${chosen} chosen` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Reason" }).fill(reason);
    const day = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10);
    await dialog.getByLabel("Expires on").fill(day);
    await dialog.getByRole("button", { name: /^Exempt \d+ resource/ }).click();
    await page.locator(".fui-Toast").getByText(/^\d+ resources? exempted/).waitFor();
    assert.deepEqual(requests, ["/api/v1/exemptions/bulk"]);
    await openFromMenu("Exemptions");
    const row = page.getByRole("table", { name: "Exemptions" }).getByRole("row").filter({ hasText: reason });
    await row.first().waitFor();
    assert.equal(await row.count(), 1, "one decision is one row");
    assert.ok(!(await row.textContent()).includes("Never"), "it expires");
    await row.getByRole("checkbox").click();
    await page.locator(".action-line").getByRole("button", { name: /^Remove/ }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
    await row.waitFor({ state: "detached" });
  });

  await step("all that a filter shows are exempted only while they are as many as one saw", async () => {
    const answer = await page.evaluate(async (recommendation) => {
      const body = { recommendation, matching: { expected: 1_000_000 }, category: "Waiver", reason: "none" };
      return (await fetch("/api/v1/exemptions/bulk", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })).status;
    }, seen.href.split("/").pop());
    assert.equal(answer, 409);
    // The browser notes the refusal, which is meant.
    problems.splice(0, problems.length, ...problems.filter((problem) => !problem.includes("409")));
  });

  await step("the largest standard opens at once, is searched and narrowed to a scope", async () => {
    await page.goto(`${origin}/compliance`);
    await page.waitForSelector("main section h2 a");
    const largest = await page.evaluate(async () => {
      const { items } = await (await fetch("/api/v1/compliance")).json();
      const size = (item) => Object.values(item.controlsByState).reduce((sum, count) => sum + count, 0);
      return items.map((item) => ({ id: item.id, title: item.title, size: size(item) })).sort((a, b) => b.size - a.size)[0];
    });
    await page.getByRole("link", { name: largest.title }).click();
    await page.locator(".tree").waitFor();
    const begun = Date.now();
    await page.getByRole("button", { name: "Open all" }).click();
    await page.waitForFunction((size) => document.querySelectorAll(".tree-line").length >= size, largest.size);
    console.log(`        ${largest.size} controls opened in ${Date.now() - begun} ms`);
    await page.getByRole("combobox", { name: "State" }).selectOption("Failed");
    await page.waitForURL(/state=Failed/);
    await page.getByText(/^\d[\d,]* controls? of /).waitFor();
    await page.locator(".tree-state > .tone-Failed").first().waitFor();
    const scopes = page.getByRole("combobox", { name: "Scope" });
    const value = await scopes.locator("option").nth(1).getAttribute("value");
    await scopes.selectOption(value);
    await page.waitForURL(/connector=/);
    await page.locator("section[aria-label='Controls by state']").waitFor();
  });

  await step("a standard is downloaded as a spreadsheet", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download CSV" }).click()]);
    assert.match(download.suggestedFilename(), /\.csv$/);
    const lines = (await readFile(await download.path(), "utf8")).split("\n");
    assert.ok(lines[0].startsWith("kind,standard,control,title,state"), lines[0]);
    assert.ok(lines.length > 50, `${lines.length} lines`);
  });

  await step("a standard is downloaded as a PDF", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download PDF" }).click()]);
    assert.match(download.suggestedFilename(), /\.pdf$/);
    assert.equal((await readFile(await download.path())).subarray(0, 5).toString(), "%PDF-");
  });

  await walkOwnStandard({ page, origin, step, openFromMenu, problems });

  await step("a connector opens to how its last reading went", async () => {
    await openFromMenu("Connectors");
    const table = page.getByRole("table", { name: "Connectors" });
    await table.locator("tr.plain-row").first().waitFor();
    await table.locator("tr.plain-row").filter({ hasText: "This machine" }).getByRole("button").first().click();
    await table.locator("tr.detail-row").getByText("Last tried").waitFor();
    await page.locator("#missing h2").first().waitFor();
  });

  /** Answers in place of the server's where the estate at hand lacks nothing: names and permissions as hostile as they come. */
  await step("hostile names of connectors and permissions are shown as text, and the policy holds actions only", async () => {
    const bad = "<img src=x onerror=window.wasRun=1>";
    const other = await context.newPage();
    const found = [];
    await watchFor(other, found);
    const coverage = { complete: 1, partial: 0, failed: 2, skipped: 0, denied: 1 };
    const connector = { id: bad, displayName: `${bad}\u202e${"a".repeat(400)}`, environment: "Aws", sample: false, organization: false, accounts: [{ account: bad, resources: 1 }], attempt: { at: "2026-11-24T08:30:00Z", error: bad }, coverage, failures: [{ kind: "denied", code: bad, count: 1, example: bad }], missingPermissions: 2 };
    const missing = ["kms:ListKeys", `x:y"],"Effect":"Allow${bad}`].map((permission) => ({ permission, assessments: 3, alone: 1, resources: 2, fields: 1, listings: 1, recommendations: [bad], types: [bad], connectors: [bad] }));
    await other.route("**/api/v1/connectors", (route) => route.fulfill({ json: { items: [connector] } }));
    await other.route("**/api/v1/missing-permissions*", (route) => route.fulfill({ json: { items: missing } }));
    await other.goto(`${origin}/connectors`);
    await other.getByRole("table", { name: "Missing permissions" }).waitFor();
    for (const name of ["Connectors", "Missing permissions"]) await other.getByRole("table", { name }).locator(".expand-button").first().click();
    await other.getByRole("link", { name: bad }).first().waitFor();
    const policy = JSON.parse(await other.locator(".scroll-code pre").textContent());
    assert.deepEqual(policy.Statement[0].Action, ["kms:ListKeys"]);
    assert.equal(await other.evaluate(() => window.wasRun), undefined);
    assert.equal(await other.locator("main img").count(), 0);
    const [inner, whole] = await other.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
    assert.ok(whole <= inner, `${whole} pixels wide in a window of ${inner}`);
    assert.deepEqual(found, []);
    await other.close();
  });
}
