import { expect, it } from "vitest";
import { accountNames } from "./accounts";

it("accounts are told apart though they share a name", () => {
  const names = accountNames([
    { account: "11111111-0000", name: "Shop" },
    { account: "11111111-0000", name: "Shop" },
    { account: "22222222-0000", name: "Pay-As-You-Go" },
    { account: "33333333-0000", name: "Pay-As-You-Go" },
    { account: "123456789012", name: null },
  ]);
  expect([...names]).toEqual([
    ["11111111-0000", "Shop"],
    ["22222222-0000", "Pay-As-You-Go (22222222)"],
    ["33333333-0000", "Pay-As-You-Go (33333333)"],
  ]);
});
