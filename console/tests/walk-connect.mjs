// Connects Azure in the console against a server that speaks its protocol, and looks at what Defender says of it:
//   SKYWARDEN_URL=LOGIN_ADDRESS ARM_SERVER=PROGRAM SKYWARDEN=PROGRAM SKYWARDEN_DATA=FOLDER node tests/walk-connect.mjs [FOLDER]
// The data are those of the server of the address; with a folder it leaves pictures of the steps there.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { enter, launch, loginAddress, watchFor } from "./browser.mjs";
import { step, summary } from "./steps.mjs";

const folder = process.argv[2];
const login = loginAddress();
const origin = new URL(login).origin;
const tenant = JSON.parse(await readFile(new URL("../../testkit/azure/tenant.json", import.meta.url), "utf8"));
const partial = findProgram(tenant, "partial");

/** A program that may log in, wherever the file has it. */
function findProgram(node, name) {
  if (node === null || typeof node !== "object") return undefined;
  if (!Array.isArray(node) && node.name === name && node.secrets) return node;
  return Object.values(node).map((inner) => findProgram(inner, name)).find(Boolean);
}

const armServer = process.env.ARM_SERVER ?? "arm-server";
const skywarden = process.env.SKYWARDEN ?? "skywarden";
const data = process.env.SKYWARDEN_DATA;

const server = spawn(armServer, ["--scheme", "http"], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => server.kill());
const line = await new Promise((resolve) => createInterface({ input: server.stdout }).once("line", resolve));
const azure = JSON.parse(line);

const browser = await launch();
const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true });
const page = await context.newPage();
page.setDefaultTimeout(20_000);
const problems = [];
await watchFor(page, problems);

const form = (name) => page.getByRole("form", { name, exact: true });
const box = (name) => page.getByRole("textbox", { name, exact: true });
const next = (name) => page.locator("main form").getByRole("button", { name, exact: true }).click();

/** Pictures of what is there, wide and narrow, light and dark. */
async function picture(name) {
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const [size, width] of [["wide", 1440], ["narrow", 420]]) {
      await page.setViewportSize({ width, height: 900 });
      const [inner, whole] = await page.evaluate(() => [window.innerWidth, document.documentElement.scrollWidth]);
      assert.ok(whole <= inner, `${name} is ${whole} pixels wide in a window of ${inner}`);
      await page.screenshot({ path: join(folder, `${name}-${size}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1440, height: 900 });
}

await step("the page of connectors leads to the wizard", async () => {
  await enter(page, login);
  await page.goto(`${origin}/connectors`);
  await page.getByRole("button", { name: "Connect Azure" }).click();
  await form("Cloud").waitFor();
  await picture("cloud");
});

await step("another cloud needs an address", async () => {
  await page.getByRole("radio", { name: "Another Azure Resource Manager" }).check();
  await next("Next");
  await page.getByText("Give its address").waitFor();
  await box("Address").fill(azure.url ?? azure.address);
  await next("Next");
  await form("Login").waitFor();
});

await step("a login needs a tenant, an application and its secret", async () => {
  await next("Next");
  await page.getByText("Give the tenant's id or domain name.").waitFor();
  await page.getByText("Give the application's secret.").waitFor();
  await box("Tenant").fill(azure.tenant);
  await box("Application (client) id").fill(partial.appId);
  await box("Client secret").fill("not the secret");
  await picture("login");
  await next("Next");
  await form("What to look at").waitFor();
  await picture("scope");
  await next("Test");
});

await step("a login that Azure refuses is told in Azure's words", async () => {
  await page.getByRole("alert").getByText(/AADSTS/).waitFor();
  assert.equal(await page.locator("main form").getByRole("button", { name: "Next", exact: true }).isDisabled(), true);
  await picture("refused");
  await page.getByRole("list", { name: "Steps" }).getByRole("button", { name: "Login" }).click();
  await box("Client secret").fill(partial.secrets[0].value);
  await next("Next");
  await next("Test");
});

await step("the test names each missing permission with what stays unknown, and how to mend it", async () => {
  const table = page.getByRole("table", { name: "Subscriptions" });
  await table.getByText(/actions missing/).waitFor();
  await table.locator(".expand-button").first().click();
  const vaults = page.getByRole("listitem").filter({ hasText: "Microsoft.KeyVault/vaults/read" });
  await vaults.getByText(/recommendations? stays? unknown/).first().waitFor();
  await page.getByText(/az role assignment create --assignee/).waitFor();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^Download/ }).click()]);
  const role = JSON.parse(await readFile(await saved.path(), "utf8"));
  assert.ok(role.Actions.includes("Microsoft.KeyVault/vaults/read"));
  await picture("missing");
});

await step("one connects with gaps, and the secret is in no answer", async () => {
  const answers = [];
  page.on("response", async (response) => answers.push(await response.text().catch(() => "")));
  await next("Go on with gaps");
  await form("Connect").waitFor();
  assert.equal(await box("Name of the connector").inputValue(), `azure-${azure.tenant}`);
  await picture("connect");
  await box("Name of the connector").fill("walked-azure");
  await next("Connect");
  await page.getByRole("table", { name: "Connectors" }).getByText(`Azure tenant ${azure.tenant}`).first().waitFor();
  assert.ok(!answers.some((text) => text.includes(partial.secrets[0].value)), "an answer holds the secret");
});

await step("the same tenant under another name is refused", async () => {
  const status = await page.evaluate(async (body) => {
    const answer = await fetch("/api/v1/connectors/azure/second", { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return answer.status;
  }, { cloud: azure.url ?? azure.address, tenant: azure.tenant, login: "client-secret", clientId: partial.appId, clientSecret: partial.secrets[0].value });
  assert.equal(status, 409);
});

await step("of a tenant that Defender was never asked about the page says how to ask", async () => {
  await page.goto(`${origin}/connectors`);
  const table = page.getByRole("table", { name: "Connectors" });
  const link = (connector) => table.locator(`a[href="/connectors/${connector}/defender"]`);
  await link("walked-azure").waitFor();
  assert.equal(await link("sample").count(), 0, "only Azure has Defender beside it");
  await link("walked-azure").click();
  await page.getByRole("heading", { name: "Nobody has asked Defender yet" }).waitFor();
  await page.getByText("skywarden adopt azure --connector walked-azure", { exact: true }).waitFor();
  await picture("unasked");
});

await step("what Defender says stands beside what is said here, and a difference opens to its resources", async () => {
  await promisify(execFile)(skywarden, ["adopt", "azure", "--connector", "walked-azure", "--data", data], { timeout: 120_000 });
  // What the page was told: the first assessment may end meanwhile.
  const [answer] = await Promise.all([page.waitForResponse((own) => own.url().endsWith("/api/v1/connectors/walked-azure/defender") && own.ok()), page.reload()]);
  const kept = await answer.json();
  const { compared, onlyTheirs } = kept.agreement;
  const same = compared.reduce((sum, one) => sum + one.same, 0);
  const all = compared.reduce((sum, one) => sum + one.resources, 0);
  await page.getByRole("region", { name: "Agreement" }).getByText(`${same} of ${all} verdicts are the same`).waitFor();
  const scores = page.getByRole("region", { name: "Secure scores" });
  for (const { account, theirs } of kept.scores) {
    const own = scores.getByRole("listitem").filter({ hasText: account });
    await own.getByText(theirs ? `${(theirs.percentage * 100).toFixed(1)}%` : "None given").waitFor();
  }
  await page.getByRole("combobox", { name: "Verdicts" }).selectOption({ label: "Only what differs" });
  const table = page.getByRole("table", { name: "Compared recommendations" });
  const differing = compared.filter((one) => one.same < one.resources);
  await page.getByText(`${differing.length} recommendations of ${compared.length}`).waitFor();
  await table.getByRole("button", { name: `Details of ${differing[0].title}`, exact: true }).click();
  const link = page.getByRole("table", { name: "Differences" }).getByRole("link", { name: differing[0].differences[0].resource.split("/").at(-1), exact: true });
  assert.equal(new URL(await link.getAttribute("href"), origin).searchParams.get("id"), differing[0].differences[0].resource);
  const alone = page.getByRole("table", { name: "Judged only by Defender" });
  assert.equal(await alone.count(), 0, "the list is folded");
  await page.getByRole("heading", { name: "Judged only by Defender" }).click();
  await alone.getByText(onlyTheirs[0].title).waitFor();
  await picture("beside");
});

await step("what was connected is disconnected again", async () => {
  const status = await page.evaluate(async () => (await fetch("/api/v1/connectors/walked-azure", { method: "DELETE" })).status);
  assert.equal(status, 204);
});

await step("the browser reports no error and no violation of the policy", async () => {
  assert.deepEqual(problems.filter((problem) => !/responded with a status of 4\d\d/.test(problem)), []);
});

await browser.close();
summary();
