// The part of the walk that looks at a recommendation which a client described, and at what it says of a resource.
import assert from "node:assert/strict";
import { describeCustom } from "./arm.mjs";

export async function walkCustom({ page, origin, step }) {
  const made = [];
  const offered = () => page.getByRole("button", { name: /^Exempt/ }).count();

  await step("a recommendation that a client described tells what the client said", async () => {
    const custom = await describeCustom(page, { description: "Every machine has an owner there.", written: { cause: "Audit", description: "nobody answers" } });
    made.push(custom);
    await page.goto(origin + custom.path);
    await page.getByText("Every machine has an owner there.").waitFor();
    await page.getByText("None: it does not count in the secure score").waitFor();
    await page.getByRole("table", { name: "Assessments" }).locator(".expand-button").first().click();
    await page.locator("tr.detail-row").getByText("nobody answers").waitFor();
    await page.locator("tr.detail-row").getByText("assets.csv").waitFor();
    assert.equal(await offered(), 0, "what a client judges is not exempted");
  });

  await step("one that says nothing more says that, and the list shows no empty places", async () => {
    const custom = await describeCustom(page);
    made.push(custom);
    await page.goto(origin + custom.path);
    await page.getByText("Whoever described it gave no reason.").waitFor();
    await page.getByText("No steps are given.").waitFor();
    assert.deepEqual(await page.locator("dl.facts dd").evaluateAll((all) => all.map((one) => one.textContent.trim()).filter((text) => !text)), []);
    await page.goto(`${origin}/recommendations?q=Walked`);
    const cell = page.getByRole("table", { name: "Recommendations" }).locator("td.lead-cell").first();
    assert.match(await cell.textContent(), /No security control$/);
  });

  for (const custom of made) await custom.remove();
}
