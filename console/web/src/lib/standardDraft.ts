import type { CheckRow, ControlFile, StandardFile } from "../api/standardTypes";

/** How a control is answered. */
export type Answer = "checks" | "manual";

export interface DraftControl {
  key: number;
  id: string;
  title: string;
  answer: Answer;
  checks: string[];
  manual: string;
}

export interface DraftSection {
  key: number;
  id: string;
  title: string;
  controls: DraftControl[];
}

/** A standard while it is written: controls that stand alone, then sections of controls. */
export interface Draft {
  id: string;
  title: string;
  description: string;
  version: string;
  environments: string[];
  controls: DraftControl[];
  sections: DraftSection[];
}

export const ENVIRONMENTS = ["aws", "host", "azure", "gcp", "kubernetes"] as const;

let lastKey = 0;
const nextKey = (): number => (lastKey += 1);

export const newControl = (id = ""): DraftControl => ({ key: nextKey(), id, title: "", answer: "checks", checks: [], manual: "" });
export const newSection = (id = ""): DraftSection => ({ key: nextKey(), id, title: "", controls: [newControl(id && `${id}.1`)] });

export const newDraft = (): Draft =>
  ({ id: "", title: "", description: "", version: "1", environments: ["aws", "host"], controls: [], sections: [newSection("1")] });

/** The number after those that are there: `1.2` after `1.1`; none where they are no numbers. */
export function nextId(above: string, ids: readonly string[]): string {
  const prefix = above ? `${above}.` : "";
  const numbers = ids.filter((id) => id.startsWith(prefix)).map((id) => Number(id.slice(prefix.length)));
  if (numbers.some((number) => !Number.isInteger(number) || number < 1)) return "";
  return `${prefix}${Math.max(0, ...numbers) + 1}`;
}

const isLeaf = (control: ControlFile): boolean => (control.controls ?? []).length === 0;

/** A standard as the form shows it; `undefined` where only YAML can: deeper trees, sections with checks of their own. */
export function draftOf(file: StandardFile): Draft | undefined {
  const firstSection = file.controls.findIndex((control) => !isLeaf(control));
  const alone = firstSection < 0 ? file.controls : file.controls.slice(0, firstSection);
  const sections = firstSection < 0 ? [] : file.controls.slice(firstSection);
  const fits = (section: ControlFile) => !isLeaf(section) && !section.manual && (section.checks ?? []).length === 0 && (section.controls ?? []).every(isLeaf);
  if (!sections.every(fits)) return undefined;
  const { id, title, description, version, environments } = file;
  return {
    id, title, description, version, environments,
    controls: alone.map(draftControl),
    sections: sections.map((section) => ({ key: nextKey(), id: section.id, title: section.title, controls: (section.controls ?? []).map(draftControl) })),
  };
}

const draftControl = ({ id, title, manual, checks = [] }: ControlFile): DraftControl =>
  ({ key: nextKey(), id, title, answer: manual === undefined ? "checks" : "manual", checks, manual: manual ?? "" });

export function fileOf(draft: Draft): StandardFile {
  const { id, title, description, version, environments } = draft;
  const control = (own: DraftControl): ControlFile => ({
    id: own.id.trim(), title: own.title.trim(),
    ...(own.answer === "manual" ? { manual: own.manual.trim() } : own.checks.length > 0 ? { checks: own.checks } : {}),
  });
  return {
    id: id.trim(), title: title.trim(), description: description.trim(), version: version.trim(), environments,
    controls: [
      ...draft.controls.map(control),
      ...draft.sections.map((section) => ({ id: section.id.trim(), title: section.title.trim(), controls: section.controls.map(control) })),
    ],
  };
}

/** What keeps a draft from being saved, by the part that it concerns: `id`, `title`, or the key of a row. */
export function problemsOf(draft: Draft): ReadonlyMap<string | number, string> {
  const problems = new Map<string | number, string>();
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(draft.id.trim()) || /^\.+$/.test(draft.id.trim())) problems.set("id", "1 to 64 letters, digits, points, hyphens and underscores.");
  if (!draft.title.trim()) problems.set("title", "Give it a title.");
  const rows = [...draft.controls, ...draft.sections.flatMap((section) => [section, ...section.controls])];
  if (rows.length === 0) problems.set("controls", "A standard has at least one control.");
  const seen = new Set<string>();
  for (const row of rows) {
    const id = row.id.trim();
    if (!id || !row.title.trim()) problems.set(row.key, "Give it a number and a title.");
    else if (seen.has(id)) problems.set(row.key, `The number ${id} stands twice.`);
    else if ("controls" in row && row.controls.length === 0) problems.set(row.key, "A section has at least one control.");
    else if ("answer" in row && row.answer === "manual" && !row.manual.trim()) problems.set(row.key, "Say what a person has to check.");
    seen.add(id);
  }
  return problems;
}

/** The checks that a text finds, in words that may stand in any order; those that are chosen are left out. */
export function findChecks(checks: readonly CheckRow[], text: string, chosen: readonly string[], limit: number): CheckRow[] {
  const parts = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: CheckRow[] = [];
  for (const check of checks) {
    const words = `${check.title} ${check.id} ${check.type}`.toLowerCase();
    if (!chosen.includes(check.id) && parts.every((part) => words.includes(part))) found.push(check);
    if (found.length === limit) break;
  }
  return found;
}

/** The draft as YAML, to go on with as text. A text that JSON can write is one of YAML too. */
export function yamlOf(file: StandardFile): string {
  const text = (value: string) => JSON.stringify(value);
  const list = (values: readonly string[]) => `[${values.map(text).join(", ")}]`;
  const control = (own: ControlFile, indent: string): string[] => [
    `${indent}- id: ${text(own.id)}`,
    `${indent}  title: ${text(own.title)}`,
    ...(own.manual === undefined ? [] : [`${indent}  manual: ${text(own.manual)}`]),
    ...(own.checks?.length ? [`${indent}  checks: ${list(own.checks)}`] : []),
    ...(own.controls?.length ? [`${indent}  controls:`, ...own.controls.flatMap((below) => control(below, `${indent}    `))] : []),
  ];
  return [
    `id: ${text(file.id)}`, `title: ${text(file.title)}`, `description: ${text(file.description)}`, `version: ${text(file.version)}`,
    `environments: ${list(file.environments)}`, "controls:", ...file.controls.flatMap((own) => control(own, "  ")), "",
  ].join("\n");
}
