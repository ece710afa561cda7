/** What an effect does, in words: `then.details` of a rule. */
import { plural } from "./format";
import { conditionLine, fieldPiece, isSource, member, text, valuePiece, type Line, type Piece } from "./policyCondition";

const EFFECTS: Record<string, string> = {
  append: "fields are added to the request",
  audit: "the resource is marked as non-compliant",
  auditaction: "the action is marked",
  auditifnotexists: "the resource is marked as non-compliant if a related one does not exist",
  deny: "the request is denied",
  denyaction: "the action is denied",
  deployifnotexists: "what is missing is deployed if a related resource does not exist",
  disabled: "nothing: it is switched off",
  manual: "a person has to attest it",
  modify: "the request is changed",
  mutate: "objects of the cluster are changed as they are made",
};

/** An effect as a sentence's end, with its name. */
export function effectWords(effect: string): string {
  const words = EFFECTS[effect.toLowerCase()];
  return words ? `${words} (${effect})` : effect;
}

export const effectMeaning = (effect: string): string => EFFECTS[effect.toLowerCase()] ?? effect;

/** Azure's roles that definitions name most often; the others are told by their id. */
const ROLES: Record<string, string> = {
  "056cd41c-7e88-42e1-933e-88ba6a50c9c3": "SQL Security Manager",
  "17d1049b-9a84-46fb-8f53-869881c3d3ab": "Storage Account Contributor",
  "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
  "4a9ae827-6dc8-4573-8ac7-8239d42aa03f": "Tag Contributor",
  "4d97b98b-1d4f-4787-a291-c67834d212e7": "Network Contributor",
  "749f88d5-cbae-40b8-bcfc-e573ddc772fa": "Monitoring Contributor",
  "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
  "92aaf0da-9dab-42b6-94a3-d43ce8d16293": "Log Analytics Contributor",
  "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": "Virtual Machine Contributor",
  "acdd72a7-3385-48ef-bd42-f606fba81ae7": "Reader",
  "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
  "fb1c8493-542b-48eb-b624-b4c8fea62acd": "Security Admin",
};

export function roleName(id: string): string {
  const last = id.split("/").at(-1) ?? id;
  return ROLES[last.toLowerCase()] ?? last;
}

function rolePieces(details: unknown): Piece[] {
  const roles = member(details, "roleDefinitionIds");
  if (!Array.isArray(roles) || roles.length === 0) return [];
  const names = roles.map((role): Piece => (typeof role === "string" && !role.startsWith("[") ? { kind: "value", text: roleName(role) } : valuePiece(role)));
  return [text(roles.length === 1 ? "with the role" : "with the roles"), { kind: "values", values: names }];
}

export function detailLines(details: unknown): Line[] {
  if (Array.isArray(details)) return details.map(appended);
  if (!isSource(details)) return [{ pieces: [valuePiece(details)] }];
  const operations = member(details, "operations");
  if (Array.isArray(operations)) return modified(details, operations);
  const actions = member(details, "actionNames");
  if (actions !== undefined) return refused(details, actions);
  const state = member(details, "defaultState");
  if (state !== undefined) return [{ pieces: [text("until somebody attests, the state is"), valuePiece(state)] }];
  if (member(details, "type") !== undefined) return existence(details);
  return others(details);
}

/** Members that no words are known for, each as it is written. */
function others(details: object): Line[] {
  return Object.entries(details).map(([name, value]) => ({ pieces: [fieldPiece(name), text("is"), valuePiece(value)] }));
}

function appended(entry: unknown): Line {
  return { pieces: [text("adds"), fieldPiece(member(entry, "field")), text("="), valuePiece(member(entry, "value"))] };
}

const isTrue = (value: unknown): boolean => value === undefined || value === true || String(value).toLowerCase() === "[true()]";

function modified(details: object, operations: readonly unknown[]): Line[] {
  const lines = operations.map((operation): Line => {
    const kind = String(member(operation, "operation")).toLowerCase();
    const name = fieldPiece(member(operation, "field"));
    const value = valuePiece(member(operation, "value"));
    const pieces = kind === "remove" ? [text("removes"), name] : kind === "add" ? [text("if it is not set, sets"), name, text("to"), value] : [text("sets"), name, text("to"), value];
    const condition = member(operation, "condition");
    return { pieces: isTrue(condition) ? pieces : [...pieces, text("only where"), valuePiece(condition)] };
  });
  const conflict = member(details, "conflictEffect");
  if (conflict !== undefined) lines.push({ pieces: [text("if another policy changes the same field:"), valuePiece(conflict)] });
  const roles = rolePieces(details);
  if (roles.length > 0) lines.push({ pieces: [text("resources that exist are changed"), ...roles] });
  return lines;
}

function refused(details: object, actions: unknown): Line[] {
  const lines: Line[] = [{ pieces: [text("the actions are"), valuePiece(actions)] }];
  const cascade = member(details, "cascadeBehaviors");
  if (isSource(cascade)) lines.push({ pieces: [text("when its resource group is deleted:"), valuePiece(member(cascade, "resourceGroup"))] });
  return lines;
}

function existence(details: object): Line[] {
  const pieces: Piece[] = [text("a related resource of type"), valuePiece(member(details, "type"))];
  const name = member(details, "name");
  if (name !== undefined) pieces.push(text("named"), valuePiece(name));
  const group = member(details, "resourceGroupName");
  const isWide = String(member(details, "existenceScope")).toLowerCase() === "subscription";
  if (isWide) pieces.push(text("anywhere in the subscription"));
  else if (group !== undefined) pieces.push(text("in the resource group"), valuePiece(group));
  const condition = member(details, "existenceCondition");
  const wanted: Line = condition === undefined
    ? { pieces: [...pieces, text("has to exist")] }
    : { pieces: [...pieces, text("has to exist where:")], lines: [conditionLine(condition)] };
  const lines = [wanted];
  const delay = member(details, "evaluationDelay");
  if (delay !== undefined) lines.push({ pieces: [text("looked for after"), valuePiece(delay)] });
  const deployment = member(details, "deployment");
  if (deployment !== undefined) lines.push(deployed(details, deployment));
  else if (rolePieces(details).length > 0) lines.push({ pieces: rolePieces(details) });
  return lines;
}

function deployed(details: object, deployment: unknown): Line {
  const resources = templateResources(deployment);
  const lines = resources.map((resource): Line => ({ pieces: [valuePiece(member(resource, "type")), text("named"), valuePiece(member(resource, "name"))] }));
  const at = member(details, "deploymentScope");
  const place = at === undefined ? [] : [text("at the"), valuePiece(at)];
  return { pieces: [text(`if there is none, deploys ${plural(resources.length, "resource")}`), ...place, ...rolePieces(details)], lines };
}

/** The resources of a template, with those of the templates that it deploys in turn. */
export function templateResources(deployment: unknown): unknown[] {
  const template = member(member(deployment, "properties"), "template");
  const listed = member(template, "resources");
  const resources = Array.isArray(listed) ? listed : isSource(listed) ? Object.values(listed) : [];
  return resources.flatMap((resource) => {
    const isNested = String(member(resource, "type")).toLowerCase() === "microsoft.resources/deployments";
    const below = isNested ? templateResources(resource) : [];
    return below.length > 0 ? below : [resource];
  });
}
