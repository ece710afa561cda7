// The part of the walk of people that switches a plan off and on again and keeps a contact.
import assert from "node:assert/strict";

export async function walkPlansAndContacts({ page, origin, step, asked }) {
  const { status, body } = await asked(page, "/api/v1/plans");
  const plan = status === 200 ? body.plans[0] : undefined;
  const subscription = status === 200 ? body.subscriptions[0] : undefined;

  await step("the plans are there, by subscription", async () => {
    assert.ok(plan && subscription, `GET /api/v1/plans answered ${status}`);
    await page.goto(`${origin}/plans`);
    await page.getByRole("table", { name: "Plans by subscription" }).waitFor();
    await page.getByRole("table", { name: "Plans", exact: true }).getByRole("link", { name: plan.title, exact: true }).click();
    await page.getByRole("region", { name: "What it brings" }).waitFor();
  });

  const stateOf = async () => (await asked(page, "/api/v1/plans")).body.subscriptions.find((one) => one.id === subscription.id).pricings.find((one) => one.plan === plan.name).tier;
  const turn = async () => {
    await page.goto(`${origin}/plans/${plan.name}?q=${encodeURIComponent(subscription.id)}`);
    await page.getByRole("table", { name: "Subscriptions" }).getByRole("button", { name: /^Change/ }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("switch").click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    return stateOf();
  };

  await step("a plan is switched off and on in one subscription", async () => {
    const before = await stateOf();
    const between = await turn();
    assert.notEqual(between, before);
    assert.equal(await turn(), before);
  });

  await step("a contact is kept for a subscription", async () => {
    await page.goto(`${origin}/settings`);
    const form = page.getByRole("form", { name: "Contacts of the subscription" });
    await form.getByRole("textbox", { name: "E-mail addresses" }).fill("nobody");
    await form.getByRole("button", { name: "Save" }).click();
    await form.getByText("“nobody” is no e-mail address.").waitFor();
    await form.getByRole("textbox", { name: "E-mail addresses" }).fill("walk@fernhollow.example");
    await form.getByRole("button", { name: "Save" }).click();
    await page.locator(".fui-Toast").getByText("Contacts saved").waitFor();
    await page.reload();
    await form.waitFor();
    assert.equal(await form.getByRole("textbox", { name: "E-mail addresses" }).inputValue(), "walk@fernhollow.example");
  });
}
