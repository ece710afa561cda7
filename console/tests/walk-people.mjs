// Walks through sign-in, accounts, roles, tokens, the audit log, plans and contacts as people would, against a server that they
// may change: SKYWARDEN_URL=LOGIN_ADDRESS node tests/walk-people.mjs
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { request } from "playwright-core";
import { assignPolicy, describeCustom } from "./arm.mjs";
import { detailPages, enter, launch, loginAddress, SCORE, watchFor } from "./browser.mjs";
import { step, summary } from "./steps.mjs";
import { codeOf } from "./totp.mjs";
import { walkPlansAndContacts } from "./walk-plans.mjs";
import { walkAsReader } from "./walk-reader.mjs";

const login = loginAddress();
const origin = new URL(login).origin;
/** The one code that the fixture server takes; a real server's are computed. */
const FIXTURE_CODE = process.env.WALK_CODE;
const RUN = Date.now().toString(36);
const OWNER = { name: `walk-owner-${RUN}`, displayName: "Walk Owner", password: `owner of ${randomBytes(9).toString("hex")}` };
const READER = { name: `walk-reader-${RUN}`, displayName: "Walk Reader <img src=x onerror=window.wasRun=1>", password: `reader of ${randomBytes(9).toString("hex")}` };

const browser = await launch();
const problems = [];

/** A browser of somebody: its own cookies. */
async function newBrowser() {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1440, height: 900 }, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  await watchFor(page, problems);
  return page;
}

const owner = await newBrowser();
const reader = await newBrowser();
const seen = {};

const openFromMenu = (page, name) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name }).click();
const secret = (page, label) => page.getByRole("textbox", { name: label, exact: true });
const asked = (page, path) => page.evaluate(async (address) => {
  const answer = await fetch(address);
  return { status: answer.status, body: await answer.json().catch(() => undefined) };
}, path);

async function signIn(page, { name, password }) {
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await secret(page, "Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function signOut(page) {
  await page.getByRole("button", { name: /^Account of/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(`${origin}/sign-in`);
}

/** Makes a user on the page of all users; the address of the invitation. */
async function makeUser(page, { name, displayName }) {
  await openFromMenu(page, "Access");
  await page.getByRole("button", { name: "New user" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await dialog.getByText("Give it a name.").waitFor();
  await dialog.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await dialog.getByRole("textbox", { name: "Display name" }).fill(displayName);
  await dialog.getByRole("button", { name: "Make it" }).click();
  const address = await dialog.getByLabel("Invitation", { exact: true }).textContent();
  await dialog.getByRole("link", { name: /^Give them roles/ }).click();
  await page.waitForURL(/\/access\/principals\//);
  return address;
}

/** Gives the principal of the page a role, at everything or at the first subscription; the scope. */
async function giveRole(page, role, kind) {
  await page.getByRole("button", { name: "Add a role" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("combobox", { name: "Role" }).selectOption({ label: role });
  const choice = dialog.locator(".scope-choice label").filter({ hasText: kind }).first();
  const scope = await choice.getAttribute("title");
  await choice.getByRole("radio").check();
  await dialog.getByRole("button", { name: "Add the role" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("table", { name: "Roles" }).getByRole("link", { name: role }).first().waitFor();
  return scope;
}

async function acceptInvitation(page, address, { name, password }) {
  await page.goto(address);
  await secret(page, "New password").fill("too short");
  await page.getByText("At least 12 characters, 3 more").waitFor();
  await page.getByRole("button", { name: "Set the password" }).click();
  await secret(page, "New password").fill(password);
  await secret(page, "The same again").fill(password);
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByText(name).waitFor();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${origin}/sign-in`);
}

await step("the login address opens the set-up of a first run, or the overview", async () => {
  await owner.goto(login);
  await owner.waitForLoadState("networkidle");
  seen.isFirstRun = (await asked(owner, "/api/v1/session")).body.firstRun;
  if (seen.isFirstRun) {
    await owner.waitForURL(/\/set-up$/);
    await owner.getByText("Owner of everything").waitFor();
    await owner.getByRole("textbox", { name: "Name", exact: true }).fill(OWNER.name);
    await owner.getByRole("textbox", { name: "Your name" }).fill(OWNER.displayName);
    await secret(owner, "Password").fill(OWNER.name);
    await secret(owner, "The same again").fill(OWNER.name);
    await owner.getByRole("button", { name: "Make the account" }).click();
    await owner.getByText("Not the name of the account: not met yet").waitFor();
    await secret(owner, "Password").fill(OWNER.password);
    await secret(owner, "The same again").fill(OWNER.password);
    await owner.getByRole("button", { name: "Make the account" }).click();
  } else {
    await enter(owner, `${origin}/`);
    const address = await makeUser(owner, OWNER);
    await giveRole(owner, "Owner", "Everything");
    await signOut(owner);
    await acceptInvitation(owner, address, OWNER);
    await signIn(owner, OWNER);
  }
  await owner.waitForSelector(SCORE);
  await owner.getByRole("button", { name: `Account of ${OWNER.displayName}` }).waitFor();
});

await step("signing out ends the session, and a page leads to the sign-in and back", async () => {
  await signOut(owner);
  assert.equal((await asked(owner, "/api/v1/overview")).status, 401);
  await owner.goto(`${origin}/inventory?status=Unhealthy`);
  await owner.waitForURL(/\/sign-in\?return=/);
  await signIn(owner, { ...OWNER, password: "wrong" });
  await owner.getByRole("alert").getByText("The name or the password is wrong.").waitFor();
  await signIn(owner, OWNER);
  await owner.waitForURL(`${origin}/inventory?status=Unhealthy`);
});

await step("the way back never leads to another server", async () => {
  await signOut(owner);
  await owner.goto(`${origin}/sign-in?return=${encodeURIComponent("//evil.example/")}`);
  await signIn(owner, OWNER);
  await owner.waitForSelector(SCORE);
  assert.equal(owner.url(), `${origin}/`);
});

await step("a user is made and invited, and gets a role at one subscription", async () => {
  seen.invitation = await makeUser(owner, READER);
  assert.ok(seen.invitation.startsWith(`${origin}/set-password?code=`), seen.invitation);
  seen.readerPage = owner.url();
  seen.scope = await giveRole(owner, "Security Reader", "Subscription");
  seen.accounts = (await asked(owner, "/api/v1/overview")).body.subscriptions.length;
});

await step("the invited user sets a password and signs in", async () => {
  await acceptInvitation(reader, seen.invitation, READER);
  assert.equal(await reader.getByRole("textbox", { name: "Name" }).inputValue(), READER.name);
  await signIn(reader, READER);
  await reader.getByRole("button", { name: /^Account of/ }).waitFor();
});

await step("an invitation works once", async () => {
  const other = await newBrowser();
  await other.goto(seen.invitation);
  await secret(other, "New password").fill(OWNER.password);
  await secret(other, "The same again").fill(OWNER.password);
  await other.getByRole("button", { name: "Set the password" }).click();
  await other.getByText("This invitation was used already or has expired.").waitFor();
  await other.context().close();
});

await step("the user sees only their part", async () => {
  const { body } = await asked(reader, "/api/v1/overview");
  assert.ok(body.subscriptions.length <= 1, `${body.subscriptions.length} subscriptions`);
  if (seen.accounts > 1) assert.ok(body.subscriptions.length < seen.accounts);
  const main = reader.getByRole("navigation", { name: "Main" });
  await main.getByRole("link", { name: "Settings" }).waitFor();
  assert.equal(await main.getByRole("link", { name: "Audit log" }).count(), 0);
  assert.ok([403, 404].includes((await asked(reader, "/api/v1/principals")).status));
  await reader.goto(`${origin}/audit`);
  await reader.getByText("none of your roles allows").waitFor();
  assert.equal(await reader.evaluate(() => window.wasRun), undefined);
});

await step("the subscription has a policy in force and a recommendation of a client", async () => {
  seen.made = [await assignPolicy(owner, seen.scope), await describeCustom(owner, { subscription: seen.scope })];
  seen.custom = { name: "recommendation-custom", path: seen.made[1].path };
});

await walkAsReader({ context: reader.context(), origin, step, who: "a Security Reader of one subscription", details: [...(await detailPages(reader, origin)), seen.custom] });
await step("the role is given at everything", async () => {
  await owner.goto(seen.readerPage);
  await giveRole(owner, "Security Reader", "Everything");
});
await walkAsReader({ context: reader.context(), origin, step, who: "a Security Reader of everything", details: (await detailPages(reader, origin)).filter(({ name }) => name === "principal") });
for (const made of seen.made ?? []) await made.remove();

await step("one-time codes are set up with the key, and then asked for", async () => {
  await reader.goto(`${origin}/account`);
  await reader.getByRole("button", { name: "Set up one-time codes" }).click();
  const picture = reader.getByRole("img", { name: /^QR code/ });
  await picture.waitFor();
  assert.ok(await picture.evaluate((image) => image.naturalWidth > 0), "the QR code is a picture");
  const key = await reader.locator("[aria-label='One-time codes'] code").textContent();
  await reader.getByRole("textbox", { name: "Code from the app" }).fill(FIXTURE_CODE ?? codeOf(key));
  await reader.getByRole("button", { name: "Turn on" }).click();
  seen.codes = (await reader.getByLabel("Recovery codes", { exact: true }).textContent()).split("\n");
  assert.equal(seen.codes.length, 10);
  await reader.getByRole("button", { name: "I have kept them" }).click();
  await signOut(reader);
  await signIn(reader, READER);
  await reader.getByRole("textbox", { name: "One-time code" }).fill("000000");
  await reader.getByRole("button", { name: "Go on" }).click();
  await reader.getByText("The code is wrong or was used already.").waitFor();
  // The code of the set-up is used up, and the next would have to be waited for.
  await reader.getByRole("textbox", { name: "One-time code" }).fill(FIXTURE_CODE ?? seen.codes[0]);
  await reader.getByRole("button", { name: "Go on" }).click();
  await reader.getByRole("button", { name: /^Account of/ }).waitFor();
});

await step("a token of the user acts as them, and is refused once it is removed", async () => {
  await reader.goto(`${origin}/account`);
  await reader.getByRole("button", { name: "New token" }).click();
  const dialog = reader.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name" }).fill("Walked token");
  await dialog.getByRole("button", { name: "Make it" }).click();
  const token = await dialog.getByLabel("Token", { exact: true }).textContent();
  assert.match(token, /^skw_/);
  await dialog.getByRole("button", { name: "Done" }).click();
  const program = await request.newContext({ ignoreHTTPSErrors: true, extraHTTPHeaders: { authorization: `Bearer ${token}` } });
  assert.equal((await program.get(`${origin}/api/v1/overview`)).status(), 200);
  await reader.getByRole("button", { name: "Remove Walked token" }).click();
  await reader.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await reader.getByText("You have no token.").waitFor();
  assert.equal((await program.get(`${origin}/api/v1/overview`)).status(), 401);
  await program.dispose();
});

await step("the audit log has the line, with who did it, and its chain is intact", async () => {
  await openFromMenu(owner, "Audit log");
  await owner.getByRole("searchbox", { name: "Action" }).fill("principals/write");
  await owner.waitForURL(/action=/);
  const row = owner.getByRole("table", { name: "Audit log" }).locator("tr.plain-row").filter({ hasText: OWNER.displayName }).first();
  await row.waitFor();
  await row.getByText("Succeeded").waitFor();
  await row.getByRole("button").click();
  await owner.locator("tr.detail-row").getByText("Hash").waitFor();
  await owner.getByRole("button", { name: "Verify the chain" }).click();
  await owner.getByText(/^Intact: all [\d,]+ lines?$/).waitFor();
  assert.ok((await owner.getByLabel("Newest hash", { exact: true }).textContent()).length >= 32);
});

await step("a role of one's own is written, changed and deleted", async () => {
  const title = `Walked role ${RUN}`;
  await owner.goto(`${origin}/access?tab=roles`);
  await owner.getByRole("button", { name: "New role" }).click();
  await owner.getByRole("textbox", { name: "Name" }).fill(title);
  await owner.getByRole("textbox", { name: "Actions" }).fill("read everything");
  await owner.getByRole("button", { name: "Save" }).click();
  await owner.getByText("“read everything” is no action").waitFor();
  await owner.getByRole("textbox", { name: "Actions" }).fill("Microsoft.Security/assessments/read");
  await owner.getByRole("button", { name: "Save" }).click();
  await owner.getByRole("heading", { name: title, level: 1 }).waitFor();
  await owner.getByRole("button", { name: "Edit" }).click();
  await owner.getByRole("textbox", { name: "Actions" }).fill("Microsoft.Security/assessments/read\nMicrosoft.Security/secureScores/read");
  await owner.getByRole("button", { name: "Save" }).click();
  await owner.getByLabel("What it allows").getByText("Microsoft.Security/secureScores/read").waitFor();
  await owner.getByText("Nobody has it").waitFor();
  await owner.getByRole("button", { name: "Delete" }).click();
  await owner.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await owner.getByRole("table", { name: "Roles" }).waitFor();
  await owner.getByRole("link", { name: title }).waitFor({ state: "detached" });
});

await walkPlansAndContacts({ page: owner, origin, step, asked });

await step("who is disabled is signed out at once", async () => {
  await owner.goto(seen.readerPage);
  await owner.getByRole("button", { name: "Disable" }).click();
  await owner.getByRole("alertdialog").getByRole("button", { name: "Disable" }).click();
  await owner.getByLabel("Facts").getByText("Disabled").waitFor();
  await reader.goto(`${origin}/inventory`);
  await reader.waitForURL(/\/sign-in\?return=%2Finventory$/);
});

await step("a user is deleted, and nobody deletes themselves", async () => {
  await owner.getByRole("button", { name: "Delete" }).click();
  await owner.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
  await owner.waitForURL(/\/access\?tab=users$/);
  await owner.getByRole("table", { name: "Users" }).waitFor();
  assert.equal(await owner.getByRole("link", { name: READER.displayName }).count(), 0);
  await owner.getByRole("link", { name: OWNER.displayName }).first().click();
  assert.equal(await owner.getByRole("button", { name: "Delete" }).getAttribute("aria-disabled"), "true");
});

await step("the browser reports no error and no violation of the policy", async () => {
  // Refusals are what is walked through here; the browser notes each of them.
  assert.deepEqual(problems.filter((problem) => !/Failed to load resource: the server responded with a status of 4\d\d/.test(problem)), []);
});

await browser.close();
summary();
