// The part of the walk that posts the log of an attack, makes sample alerts, looks at them, turns their state and suppresses what is like one.
import assert from "node:assert/strict";
import { attackLog, HOST } from "./attack-log.mjs";

const REASON = "Walked through by the console's test";
const BUNDLES = ["Servers", "DNS"];

export async function walkThreats({ page, origin, step, openFromMenu, assertFits }) {
  const ask = (path) => page.evaluate(async (where) => (await fetch(where)).json(), path);
  const table = page.getByRole("table", { name: "Alerts", exact: true });
  const toast = (text) => page.locator(".fui-Toast").getByText(text).first();
  const seen = {};

  // `cargo xtask test` names an input that takes posts; elsewhere there may be none.
  const inputs = await ask("/api/v1/logInputs");
  const input = inputs.items.find((one) => one.takesPosts && one.source === "linux-auth");
  if (input) await walkIncident({ page, origin, step, openFromMenu, assertFits, ask, input, toast });

  await step("sample alerts are made of chosen plans", async () => {
    seen.before = (await ask("/api/v1/alerts/counts")).total;
    await openFromMenu("Alerts");
    await page.getByRole("heading", { name: "Alerts", level: 1 }).waitFor();
    await page.waitForLoadState("networkidle");
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
    assert.equal(await simulateAgain(), 202);
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
}

/** Posts an attack, and follows it from the log source to the incident and back to an alert. */
async function walkIncident({ page, origin, step, openFromMenu, assertFits, ask, input, toast }) {
  await step("the log of an attack is posted and its source tells how much came", async () => {
    await openFromMenu("Log sources");
    const row = page.getByRole("table", { name: "Log inputs" }).locator("tr.plain-row").filter({ hasText: input.id });
    await row.getByText("Nothing yet").first().waitFor();
    const lines = attackLog(new Date());
    const answer = await page.evaluate(async ([path, body]) => {
      const reply = await fetch(path, { method: "POST", headers: { "content-type": "text/plain" }, body });
      return { status: reply.status, text: await reply.text() };
    }, [`/api/v1/logInputs/${input.id}/events`, lines.join("\n")]);
    assert.equal(answer.status, 200, answer.text);
    await row.getByText("Reading").waitFor();
    await row.getByRole("button", { name: /^Details of/ }).click();
    await page.getByText(`/api/v1/logInputs/${input.id}/events`).waitFor();
    await row.locator("td[data-label=Events]").getByText(String(lines.length), { exact: true }).waitFor();
  });

  await step("the attack becomes an incident whose time line opens its alerts", async () => {
    await page.waitForFunction(async () => (await (await fetch("/api/v1/incidents")).json()).items.length > 0, undefined, { timeout: 30_000, polling: 500 });
    await openFromMenu("Incidents");
    await page.getByRole("table", { name: "Incidents" }).getByRole("link").first().click();
    const line = page.getByRole("region", { name: "Time line" });
    const marks = line.getByRole("link");
    await marks.first().waitFor();
    const incident = await ask(`/api/v1/incidents/${new URL(page.url()).pathname.split("/").pop()}`);
    assert.ok(incident.timeline.length >= 4, `${incident.timeline.length} moments`);
    assert.equal(await marks.count(), incident.timeline.length);
    await page.getByRole("region", { name: "Shared entities" }).getByText(HOST).first().waitFor();
    await line.getByRole("tab", { name: "By what was attacked" }).click();
    await page.waitForURL(/rows=subject/);
    await marks.first().focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/alerts\/[0-9a-f]{32}$/);
    await page.getByRole("region", { name: "Incident" }).getByRole("link", { name: incident.title }).click();
    await page.getByRole("heading", { name: incident.title, level: 1 }).waitFor();
  });

  await step("what an attacker wrote into the log is shown as text and runs nothing", async () => {
    await page.goto(`${origin}/alerts?q=onerror`);
    await page.getByRole("table", { name: "Alerts", exact: true }).getByRole("link").first().click();
    await page.getByRole("region", { name: "What happened" }).getByText("<img src=x onerror=").first().waitFor();
    await assertFits("an alert with hostile text");
    assert.equal(await page.locator("main img").count(), 0);
    assert.equal(await page.evaluate(() => window.wasRun), undefined);
  });

  await step("resolving an incident resolves its alerts", async () => {
    const [{ id, nAlerts }] = (await ask("/api/v1/incidents")).items;
    await page.goto(`${origin}/incidents/${id}`);
    await page.getByRole("button", { name: "Resolve" }).click();
    await toast("1 incident resolved").waitFor();
    assert.equal((await ask(`/api/v1/alerts/counts?incident=${id}&status=Resolved`)).total, nAlerts);
  });
}
