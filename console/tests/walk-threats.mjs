// The part of the walk that makes sample alerts, looks at them, turns their state and suppresses what is like one.
import assert from "node:assert/strict";

const REASON = "Walked through by the console's test";
const BUNDLES = ["Servers", "DNS"];

export async function walkThreats({ page, origin, step, openFromMenu, assertFits }) {
  const ask = (path) => page.evaluate(async (where) => (await fetch(where)).json(), path);
  const table = page.getByRole("table", { name: "Alerts", exact: true });
  const toast = (text) => page.locator(".fui-Toast").getByText(text).first();
  const seen = {};

  await step("sample alerts are made of chosen plans", async () => {
    seen.before = (await ask("/api/v1/alerts/counts")).total;
    await openFromMenu("Alerts");
    await page.getByRole("heading", { name: "Alerts", level: 1 }).waitFor();
    await page.getByRole("button", { name: "Make sample alerts" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make", exact: true }).click();
    await dialog.getByText("Choose at least one plan.").waitFor();
    for (const name of BUNDLES) await dialog.getByRole("checkbox", { name, exact: true }).check();
    await dialog.getByRole("button", { name: "Make", exact: true }).click();
    await toast("Sample alerts made").waitFor();
    await table.waitFor();
    assert.equal((await ask("/api/v1/alerts/counts")).total, seen.before + 3 * BUNDLES.length);
    assert.ok((await table.getByText("Sample", { exact: true }).count()) >= 3);
  });

  await step("a severity is chosen from the counts and stands in the address", async () => {
    const { items } = await ask("/api/v1/alerts?q=sample%20alert&limit=50");
    seen.alert = items[0];
    seen.title = seen.alert.title.replace("[SAMPLE ALERT] ", "");
    await page.getByRole("region", { name: "Alerts by severity and day" }).getByRole("button", { name: new RegExp(`^${seen.alert.severity}`) }).click();
    await page.waitForURL(new RegExp(`severity=${seen.alert.severity}`));
    await table.getByRole("link", { name: seen.title }).first().waitFor();
    await page.reload();
    assert.equal(await page.getByRole("combobox", { name: "Severity" }).inputValue(), seen.alert.severity);
  });

  await step("groups tell how many alerts they have and open to them", async () => {
    await page.goto(`${origin}/alerts?group=detection`);
    const groups = page.getByRole("table", { name: "Groups of alerts" });
    const row = groups.locator("tr.plain-row").filter({ hasText: seen.title }).first();
    await row.getByRole("button", { name: /^Details of/ }).click();
    await page.getByRole("table", { name: `Alerts: ${seen.title}` }).getByRole("link", { name: seen.title }).first().waitFor();
  });

  await step("several alerts are resolved at once", async () => {
    await page.goto(`${origin}/alerts?q=${encodeURIComponent("sample alert")}`);
    const boxes = table.getByRole("checkbox", { name: /^Choose (?!all)/ });
    await boxes.first().waitFor();
    const count = await boxes.count();
    for (const at of [count - 1, count - 2]) await boxes.nth(at).check();
    await page.getByText("2 alerts chosen").waitFor();
    await page.getByRole("button", { name: "Resolve", exact: true }).click();
    await toast("2 alerts resolved").waitFor();
    await page.waitForFunction((was) => document.querySelectorAll("table[aria-label=Alerts] td.chooser").length === was - 2, count);
    assert.ok((await ask("/api/v1/alerts/counts?status=Resolved")).total >= 2);
  });

  await step("an alert tells what happened, with its first event, and work on it is begun", async () => {
    await page.goto(`${origin}/alerts/${seen.alert.id}`);
    await page.getByRole("heading", { name: seen.title, level: 1 }).waitFor();
    assert.equal(await page.getByRole("list", { name: "Kill chain" }).locator("[data-lit]").count(), seen.alert.intents.length);
    await page.getByRole("region", { name: "Events" }).getByText("class_uid").first().waitFor();
    assert.ok((await page.getByRole("region", { name: "Take action" }).locator(".steps li").count()) > 0);
    const techniques = page.getByRole("region", { name: "Facts" }).locator("a[href^='https://attack.mitre.org/techniques/']");
    assert.equal(await techniques.count(), seen.alert.techniques.length);
    await page.getByRole("button", { name: "Begin work" }).click();
    await toast("1 alert in progress").waitFor();
    await page.locator("main header").getByText("In progress").waitFor();
    assert.equal((await ask(`/api/v1/alerts/${seen.alert.id}`)).status, "InProgress");
  });

  await step("a suppression rule like the alert is tried on past alerts and made", async () => {
    await page.getByRole("button", { name: "Suppress alerts like this" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Make the rule" }).click();
    await dialog.getByText("Give a reason").waitFor();
    await dialog.getByRole("button", { name: /^Try on/ }).click();
    await dialog.getByText(/It fits [1-9]\d* of/).waitFor();
    await dialog.getByRole("textbox", { name: "Reason" }).fill(REASON);
    seen.rule = await dialog.getByRole("textbox", { name: "Name" }).inputValue();
    await dialog.getByRole("button", { name: "Make the rule" }).click();
    await toast("Suppression rule made").waitFor();
    await dialog.waitFor({ state: "detached" });
  });

  const simulateAgain = () => page.evaluate(async ([subscription, bundle]) => {
    const path = `/subscriptions/${subscription}/providers/Microsoft.Security/locations/local/alerts/default/simulate?api-version=2022-01-01`;
    return (await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ properties: { kind: "Bundles", bundles: [bundle] } }) })).status;
  }, [seen.alert.subscription, seen.alert.plan === "Dns" ? "DNS" : seen.alert.plan]);

  await step("the next alert like it is dismissed by the rule", async () => {
    assert.equal(await simulateAgain(), 200);
    const { items } = await ask(`/api/v1/alerts?detection=${encodeURIComponent(seen.alert.detection)}&status=Dismissed`);
    assert.equal(items[0]?.suppressedBy, seen.rule);
  });

  await step("the rule is changed, switched off and deleted", async () => {
    await page.goto(`${origin}/alerts`);
    await page.getByRole("button", { name: "Suppression rules" }).click();
    const row = page.getByRole("table", { name: "Suppression rules" }).locator("tr.plain-row").filter({ hasText: seen.rule });
    await row.getByText(REASON).waitFor();
    await row.getByRole("button", { name: `Edit ${seen.rule}` }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Comment" }).fill("Changed by the walk");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row.getByText("Changed by the walk").waitFor();
    await dialog.waitFor({ state: "detached" });
    await row.getByRole("switch").click();
    await row.getByText("Off", { exact: true }).waitFor();
    await row.getByRole("button", { name: `Delete ${seen.rule}` }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
  });

  await step("the dashboard counts what is open and says what is not available yet", async () => {
    await openFromMenu("Dashboard");
    await page.getByRole("heading", { name: "Workload protection", level: 1 }).waitFor();
    const { severity } = await ask("/api/v1/alerts/counts?status=Active,InProgress&days=30");
    const figures = page.getByRole("region", { name: "Open alerts" });
    await figures.getByRole("link", { name: new RegExp(`^${severity[seen.alert.severity] ?? 0}\\s*${seen.alert.severity}`) }).waitFor();
    const { plans } = await ask("/api/v1/plans");
    const nMissing = plans.filter((plan) => !(plan.replacedBy ?? []).some((name) => plans.some((own) => own.name === name))).flatMap((plan) => plan.brings).filter((one) => !one.built).length;
    assert.equal(await page.getByRole("region", { name: "Protections" }).getByText("Not available yet").count(), nMissing);
    await assertFits("/protection");
  });

  await step("the overview leads to open alerts", async () => {
    await openFromMenu("Overview");
    await page.getByRole("region", { name: "Open alerts" }).getByRole("link", { name: new RegExp(seen.alert.severity) }).click();
    await page.waitForURL(/\/alerts\?severity=/);
    await table.waitFor();
  });

  // Samples of one moment share little: whether they become an incident depends on which plans were chosen.
  const { items: incidents } = await ask("/api/v1/incidents?limit=1");
  if (incidents.length > 0) {
    await step("an incident draws its alerts on a time line, and a mark opens one", async () => {
      await page.goto(`${origin}/incidents`);
      await page.getByRole("table", { name: "Incidents" }).getByRole("link").first().click();
      const line = page.getByRole("region", { name: "Time line" });
      await line.getByRole("link").first().focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/alerts\/[0-9a-f]{32}$/);
      await page.getByRole("region", { name: "Incident" }).getByRole("link").first().waitFor();
    });
  }
}
