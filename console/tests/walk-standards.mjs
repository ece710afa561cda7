// The part of the walk that writes a standard of one's own and attests a control of it.
import assert from "node:assert/strict";

const ID = "walked-through";
const TITLE = "Rules of the console's test";

export async function walkOwnStandard({ page, origin, step, openFromMenu, problems }) {
  // A walk that was broken off leaves its standard behind.
  await page.evaluate(async (id) => {
    const { items } = await (await fetch("/api/v1/compliance")).json();
    if (items.some((item) => item.id === id)) await fetch(`/api/v1/standards/${id}`, { method: "DELETE" });
  }, ID);
  const control = (name) => page.getByRole("group", { name: `Control ${name}` });

  await step("a new standard says what is missing", async () => {
    await openFromMenu("Compliance");
    await page.getByRole("button", { name: "New standard" }).click();
    await page.getByRole("textbox", { name: "Id" }).waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Something is missing").waitFor();
    await page.getByText("Give it a number and a title.").first().waitFor();
  });

  await step("a standard of checks and a question for a person is written in rows and saved", async () => {
    await page.getByRole("textbox", { name: "Id" }).fill(ID);
    await page.getByRole("textbox", { name: "Title", exact: true }).fill(TITLE);
    await page.getByRole("textbox", { name: "Section title" }).fill("Buckets and people");
    await control("1.1").getByRole("textbox", { name: "Control title" }).fill("Nobody outside reads our buckets");
    const picker = control("1.1").getByRole("combobox", { name: "Checks of 1.1" });
    await picker.click();
    await picker.pressSequentially("public bucket");
    await page.getByRole("option").first().click();
    await control("1.1").getByRole("list").getByRole("listitem").first().waitFor();
    await page.getByRole("button", { name: "Add a control to this section" }).click();
    await control("1.2").getByRole("textbox", { name: "Control title" }).fill("Leavers lose their access");
    await control("1.2").getByRole("radio", { name: "By a person" }).check();
    await control("1.2").getByRole("textbox", { name: "What a person has to check" }).fill("Compare the list of leavers with the directory.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(new RegExp(`/compliance/${ID}`));
    await page.getByRole("heading", { name: TITLE, level: 1 }).waitFor();
    await page.getByRole("button", { name: "Open all" }).click();
    await page.locator(".tree-line").filter({ hasText: "Leavers lose their access" }).locator(".tone-Manual").waitFor();
    await page.getByRole("button", { name: "1.1 Nobody outside reads our buckets" }).click();
    await page.locator(".tree-check").first().waitFor();
    assert.equal(await page.locator(".tree-check").count(), 1);
  });

  await step("a manual control is attested with evidence, and shows it", async () => {
    await page.getByRole("button", { name: "1.2 Leavers lose their access" }).click();
    await page.locator(".tree").getByRole("button", { name: "Attest" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Attest" }).click();
    await dialog.getByText("Say what was seen").waitFor();
    await dialog.getByRole("textbox", { name: "Evidence" }).fill("All 14 leavers were checked <img src=x onerror=window.wasRun=1>");
    await dialog.getByRole("textbox", { name: "Links" }).fill("http://wiki.example");
    await dialog.getByText("No https address").waitFor();
    await dialog.getByRole("textbox", { name: "Links" }).fill("https://wiki.example/leavers");
    await dialog.getByRole("button", { name: "Attest" }).click();
    await dialog.waitFor({ state: "detached" });
    const line = page.locator(".tree-line").filter({ hasText: "Leavers lose their access" });
    await line.locator(".tone-Passed").waitFor();
    await line.getByText("Attested").waitFor();
    await page.getByRole("table", { name: "Attestations" }).getByRole("link", { name: "https://wiki.example/leavers" }).first().waitFor();
    assert.equal(await page.evaluate(() => window.wasRun), undefined);
  });

  await step("an attestation is withdrawn and stays in the record", async () => {
    const table = page.getByRole("table", { name: "Attestations" });
    // The record keeps those of earlier walks.
    const row = table.getByRole("row").filter({ has: page.getByRole("button", { name: "Withdraw" }) });
    await row.getByRole("button", { name: "Withdraw" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Withdraw" }).click();
    await row.waitFor({ state: "detached" });
    await table.getByText("Withdrawn").first().waitFor();
    await page.locator(".tree-line").filter({ hasText: "Leavers lose their access" }).locator(".tone-Manual").waitFor();
  });

  await step("a standard is edited as YAML, and mistakes are told with their place", async () => {
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByRole("tab", { name: "YAML" }).click();
    const text = page.getByRole("textbox", { name: "The standard as YAML" });
    const yaml = await text.inputValue();
    await text.fill(yaml.replace(/checks: \["/, 'checks: ["x'));
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText(/Line \d+, column \d+:/).waitFor();
    problems.splice(0, problems.length, ...problems.filter((problem) => !problem.includes("400")));
    await text.fill(yaml.replace(TITLE, `${TITLE}, edited`));
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: `${TITLE}, edited`, level: 1 }).waitFor();
  });

  await step("a standard of one's own is deleted, one of the content cannot be", async () => {
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/compliance$/);
    await page.getByRole("heading", { name: "Compliance", level: 1 }).waitFor();
    assert.equal(await page.getByRole("link", { name: TITLE }).count(), 0);
    await page.goto(`${origin}/compliance/soc-2`);
    await page.locator(".tree").waitFor();
    assert.equal(await page.getByRole("button", { name: "Edit" }).count(), 0);
    await page.goto(`${origin}/compliance/nist-800-53-r5`);
    await page.locator(".tree").waitFor();
  });
}
