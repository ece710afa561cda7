// What the walks write through Azure's face of the server, as the session of a page.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

const ASSESSMENTS = "api-version=2021-06-01";
const POLICIES = "api-version=2023-04-01";

const send = (page, method, path, properties) => page.evaluate(async ([how, where, body]) => {
  const answer = await fetch(where, { method: how, headers: { "content-type": "application/json" }, body });
  return { status: answer.status, text: await answer.text() };
}, [method, path, properties && JSON.stringify({ properties })]);

async function put(page, path, properties) {
  const { status, text } = await send(page, "PUT", path, properties);
  assert.ok([200, 201].includes(status), `PUT ${path} answered ${status}: ${text}`);
}

const remover = (page, ...paths) => async () => {
  for (const path of paths) await send(page, "DELETE", path);
};

/** Describes a recommendation in a subscription (the first, if none is given) and judges a resource of it. */
export async function describeCustom(page, { subscription, description, written } = {}) {
  const key = randomUUID();
  const place = await page.evaluate(async (given) => {
    const ask = async (path) => (await (await fetch(path)).json()).value;
    const own = given ?? (await ask("/subscriptions?api-version=2022-12-01"))[0].id;
    return { subscription: own, resource: (await ask(`${own}/resources?api-version=2021-04-01`))[0].id };
  }, subscription);
  const metadata = `${place.subscription}/providers/Microsoft.Security/assessmentMetadata/${key}?${ASSESSMENTS}`;
  await put(page, metadata, { displayName: "Walked: is in the asset list", severity: "High", assessmentType: "CustomerManaged", ...(description ? { description } : {}) });
  await put(page, `${place.resource}/providers/Microsoft.Security/assessments/${key}?${ASSESSMENTS}`, {
    resourceDetails: { source: "Azure", id: place.resource }, status: { code: "Unhealthy", ...written }, ...(written ? { additionalData: { list: "assets.csv" } } : {}),
  });
  return { path: `/recommendations/${key}`, remove: remover(page, metadata) };
}

/** Puts a definition, an initiative of it and an assignment of that in force at a subscription. */
export async function assignPolicy(page, subscription) {
  const at = (kind) => `${subscription}/providers/Microsoft.Authorization/${kind}/walked-by-a-reader`;
  const paths = ["policyAssignments", "policySetDefinitions", "policyDefinitions"].map((kind) => `${at(kind)}?${POLICIES}`);
  await put(page, paths[2], { displayName: "Walked definition", mode: "All", policyRule: { if: { field: "type", like: "*" }, then: { effect: "audit" } } });
  await put(page, paths[1], { displayName: "Walked initiative", policyDefinitions: [{ policyDefinitionId: at("policyDefinitions") }] });
  await put(page, paths[0], { displayName: "Walked assignment", policyDefinitionId: at("policySetDefinitions") });
  return { remove: remover(page, ...paths) };
}
