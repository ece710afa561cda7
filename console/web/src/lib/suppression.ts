import type { AlertDetail, AlertEntity, ScopeCondition, SuppressionProperties, SuppressionRule } from "../api/alertTypes";
import { entityTitle, membersOf } from "./alerts";
import { endOfDay, tomorrow } from "./dates";
import { words } from "./format";

/** Fits every detection. */
export const EVERY_TYPE = "*";

export interface OwnedRule {
  subscription: string;
  rule: SuppressionRule;
}

export interface RulesRead {
  rules: OwnedRule[];
  /** Subscriptions whose rules could not be read. */
  unread: { subscription: string; reason: string }[];
}

/** So many subscriptions are asked at once. */
const AT_ONCE = 6;

/** Reads the rules of each subscription; one that fails hides none of the others. */
export async function bySubscription(ids: readonly string[], read: (id: string) => Promise<SuppressionRule[]>): Promise<RulesRead> {
  const found: RulesRead = { rules: [], unread: [] };
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const some = ids.slice(at, at + AT_ONCE);
    const answers = await Promise.allSettled(some.map(read));
    answers.forEach((answer, place) => {
      const subscription = some[place] ?? "";
      if (answer.status === "fulfilled") found.rules.push(...answer.value.map((rule) => ({ subscription, rule })));
      else found.unread.push({ subscription, reason: answer.reason instanceof Error ? answer.reason.message : String(answer.reason) });
    });
  }
  return found;
}

export type RuleState = "On" | "Off" | "Expired";

/** A rule whose time is over is of no effect, whatever it says of itself. */
export function stateOf(properties: SuppressionProperties, now = Date.now()): RuleState {
  if (properties.state === "Expired") return "Expired";
  if (properties.expirationDateUtc && Date.parse(properties.expirationDateUtc) <= now) return "Expired";
  return properties.state === "Enabled" ? "On" : "Off";
}

export interface ConditionDraft {
  field: string;
  how: "in" | "contains";
  /** A value a line. */
  text: string;
}

export interface RuleDraft {
  subscription: string;
  name: string;
  alertType: string;
  isOn: boolean;
  reason: string;
  comment: string;
  /** A day, or nothing. */
  expires: string;
  conditions: ConditionDraft[];
}

export const EMPTY_CONDITION: ConditionDraft = { field: "entities.ip.address", how: "in", text: "" };

export const newDraft = (subscription: string): RuleDraft => ({ subscription, name: "", alertType: "", isOn: true, reason: "", comment: "", expires: "", conditions: [] });

export function draftOfRule({ subscription, rule }: OwnedRule): RuleDraft {
  const { alertType, reason, comment, expirationDateUtc, suppressionAlertsScope } = rule.properties;
  const state = stateOf(rule.properties);
  return {
    subscription, name: rule.name, alertType, isOn: state !== "Off", reason, comment: comment ?? "", expires: state === "Expired" ? "" : dayOf(expirationDateUtc),
    conditions: (suppressionAlertsScope?.allOf ?? []).map(conditionDraftOf),
  };
}

/** Where the person is. */
function dayOf(at: string | null | undefined): string {
  const time = new Date(at ?? "");
  if (Number.isNaN(time.getTime())) return "";
  return `${time.getFullYear()}-${String(time.getMonth() + 1).padStart(2, "0")}-${String(time.getDate()).padStart(2, "0")}`;
}

const listOf = (text: string | string[] | undefined): string[] => (text === undefined ? [] : typeof text === "string" ? [text] : text);

/** Of those rules only that are simple. */
const conditionDraftOf = (condition: ScopeCondition): ConditionDraft =>
  condition.contains === undefined ? { field: condition.field, how: "in", text: listOf(condition.in).join("\n") } : { field: condition.field, how: "contains", text: listOf(condition.contains).join("\n") };

/** Whether the form can show all that a rule says. */
export const isSimple = (properties: SuppressionProperties): boolean =>
  (properties.suppressionAlertsScope?.allOf ?? []).every((one) => listOf(one.contains).length <= 1 && (one.in === undefined || one.contains === undefined));

const linesOf = (text: string): string[] => [...new Set(text.split("\n").map((line) => line.trim()).filter(Boolean))];

/** What is sent; a rule without conditions fits all alerts of its type. */
export function propertiesOf(draft: RuleDraft): SuppressionProperties {
  const conditions = draft.conditions.map((one): ScopeCondition =>
    one.how === "in" ? { field: one.field.trim(), in: linesOf(one.text) } : { field: one.field.trim(), contains: one.text.trim() });
  return {
    alertType: draft.alertType.trim(), reason: draft.reason.trim(), state: draft.isOn ? "Enabled" : "Disabled",
    ...(draft.comment.trim() ? { comment: draft.comment.trim() } : {}),
    ...(draft.expires ? { expirationDateUtc: endOfDay(draft.expires) } : {}),
    ...(conditions.length > 0 ? { suppressionAlertsScope: { allOf: conditions } } : {}),
  };
}

export type RuleProblems = Partial<Record<"subscription" | "name" | "alertType" | "reason" | "expires", string>> & { conditions: (string | undefined)[] };

/** What keeps a draft from being sent, by field. */
export function problemsOf(draft: RuleDraft, others: readonly OwnedRule[]): RuleProblems {
  const isTaken = others.some((own) => own.subscription === draft.subscription && own.rule.name.toLowerCase() === draft.name.trim().toLowerCase());
  return {
    subscription: draft.subscription ? undefined : "Choose where the rule holds.",
    name: !draft.name.trim() ? "Give it a name." : !/^[\w.-]{1,260}$/.test(draft.name.trim()) ? "Use letters, digits, dots, hyphens and underscores." : isTaken ? "There is a rule of this name already." : undefined,
    alertType: draft.alertType.trim() ? undefined : "Name a detection, or * for all.",
    reason: draft.reason.trim() ? undefined : "Give a reason, so that others understand this later.",
    expires: draft.expires && draft.expires < tomorrow() ? "Choose a day from tomorrow on." : undefined,
    conditions: draft.conditions.map((one) => {
      if (!/^entities\.[\w-]+\.[\w.]+$/.test(one.field.trim())) return "Name a field as entities.TYPE.MEMBER.";
      if (!one.text.trim()) return "Give a value.";
      return one.how === "contains" && linesOf(one.text).length > 1 ? "Give one part only; for several, make several rules." : undefined;
    }),
  };
}

export const hasProblem = ({ conditions, ...fields }: RuleProblems): boolean => [...Object.values(fields), ...conditions].some((text) => text !== undefined);

/** Members by which alerts are told apart, what was attacked first; conditions on other members can be typed. */
const TELLING = [
  "host.hostName", "amazon-resource.amazonResourceId", "azure-resource.resourceId", "google-cloud-resource.resourceName", "cloud-resource.resourceName", "container.containerId", "container.image",
  "account.name", "ip.address", "dns.domainName", "process.commandLine", "file.name", "url.url",
];

export const KNOWN_FIELDS: readonly string[] = TELLING.map((field) => `entities.${field}`);

/** Conditions that an alert fits, on what was attacked first. */
export function candidatesOf(entities: readonly AlertEntity[]): ConditionDraft[] {
  return TELLING.flatMap((field) => {
    const [type = "", member = ""] = field.split(/\.(.*)/);
    const values = entities.filter((own) => own.type === type).flatMap((own) => membersOf(own).filter(({ name }) => name === member).map(({ text }) => text));
    return [...new Set(values)].map((text): ConditionDraft => ({ field: `entities.${field}`, how: "in", text }));
  });
}

/** A rule for what is like an alert: of its type and about the same thing. */
export function draftLike(alert: AlertDetail): RuleDraft {
  return { ...newDraft(alert.subscription), name: `${alert.detection}-${alert.id.slice(0, 8)}`.replace(/[^\w.-]/g, "-"), alertType: alert.detection, conditions: candidatesOf(alert.entities).slice(0, 1) };
}

/** Whether a rule would suppress an alert, were it on: what the server asks of entities, word for word. */
export function fits(properties: SuppressionProperties, alert: Pick<AlertDetail, "detection" | "entities">): boolean {
  const isMeant = properties.alertType === EVERY_TYPE || properties.alertType.toLowerCase() === alert.detection.toLowerCase();
  return isMeant && (properties.suppressionAlertsScope?.allOf ?? []).every((condition) => holds(condition, alert.entities));
}

function holds(condition: ScopeCondition, entities: readonly AlertEntity[]): boolean {
  const [, type = "", member = ""] = /^entities\.([^.]+)\.(.+)$/.exec(condition.field) ?? [];
  const own = entities.filter((entity) => entity.type.toLowerCase() === type.toLowerCase());
  const values = own.flatMap((entity) => membersOf(entity).filter(({ name }) => name === member).map(({ text }) => text.toLowerCase()));
  const isIn = (value: string) => listOf(condition.in).some((wanted) => wanted.toLowerCase() === value);
  const has = (value: string) => listOf(condition.contains).some((part) => value.includes(part.toLowerCase()));
  return values.some((value) => isIn(value) || has(value));
}

/** `IP address: address is one of a, b`. */
export function conditionText(condition: ScopeCondition): string {
  const [, type = "", member = ""] = /^entities\.([^.]+)\.(.+)$/.exec(condition.field) ?? [];
  const field = type ? `${entityTitle(type)}: ${words(member.split(".").at(-1) ?? member).toLowerCase()}` : condition.field;
  const values = listOf(condition.in);
  const parts = listOf(condition.contains);
  const said = [values.length > 0 && `is ${values.join(" or ")}`, parts.length > 0 && `contains ${parts.join(" or ")}`].filter(Boolean);
  return `${field} ${said.join(", or ")}`;
}
