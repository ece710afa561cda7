/** The condition of a policy definition as lines of words, for a person to read. */

export type Piece =
  | { kind: "text"; text: string }
  | { kind: "field"; text: string }
  | { kind: "value"; text: string }
  | { kind: "values"; values: Piece[] }
  | { kind: "parameter"; name: string }
  | { kind: "expression"; text: string };

export interface Line {
  pieces: Piece[];
  lines?: Line[];
}

export type Source = Record<string, unknown>;

export const text = (words: string): Piece => ({ kind: "text", text: words });
export const field = (name: string): Piece => ({ kind: "field", text: name });

export const isSource = (value: unknown): value is Source => typeof value === "object" && value !== null && !Array.isArray(value);

/** A member by its name in any case, as Azure reads them. */
export function member(source: unknown, name: string): unknown {
  if (!isSource(source)) return undefined;
  if (name in source) return source[name];
  const folded = name.toLowerCase();
  const key = Object.keys(source).find((own) => own.toLowerCase() === folded);
  return key === undefined ? undefined : source[key];
}

const PARAMETER = /^\[\s*parameters\(\s*'((?:[^']|'')+)'\s*\)\s*\]$/i;

/** A value as it is written in a rule: a parameter, an expression, or what it says. */
export function valuePiece(value: unknown): Piece {
  if (Array.isArray(value)) return { kind: "values", values: value.map(valuePiece) };
  if (typeof value !== "string") return { kind: "value", text: JSON.stringify(value) ?? "nothing" };
  const parameter = PARAMETER.exec(value)?.[1];
  if (parameter !== undefined) return { kind: "parameter", name: parameter.replaceAll("''", "'") };
  if (value.startsWith("[[")) return { kind: "value", text: value.slice(1) };
  if (value.startsWith("[") && value.endsWith("]")) return { kind: "expression", text: value.slice(1, -1).trim() };
  return { kind: "value", text: value === "" ? "(empty text)" : value };
}

/** A field by its name, or the expression that computes it. */
export function fieldPiece(name: unknown): Piece {
  if (typeof name !== "string") return valuePiece(name);
  return name.startsWith("[") && !name.startsWith("[[") ? valuePiece(name) : field(name);
}

const OPERATORS: Record<string, string> = {
  equals: "equals",
  notequals: "does not equal",
  in: "is one of",
  notin: "is none of",
  like: "is like",
  notlike: "is not like",
  match: "matches the pattern",
  matchinsensitively: "matches the pattern, in any case,",
  notmatch: "does not match the pattern",
  notmatchinsensitively: "does not match the pattern, in any case,",
  contains: "contains",
  notcontains: "does not contain",
  containskey: "has the key",
  notcontainskey: "does not have the key",
  less: "is less than",
  lessorequals: "is at most",
  greater: "is greater than",
  greaterorequals: "is at least",
};

const OPERANDS = new Set(["field", "value", "count"]);

/** The one test of a condition, by its name in lower case. */
function testOf(condition: Source): { name: string; expected: unknown } | undefined {
  const found = Object.entries(condition).find(([name]) => !OPERANDS.has(name.toLowerCase()));
  return found && { name: found[0].toLowerCase(), expected: found[1] };
}

function testPieces({ name, expected }: { name: string; expected: unknown }): Piece[] {
  if (name === "exists") {
    const wanted = String(expected).toLowerCase();
    if (wanted === "true") return [text("is set")];
    if (wanted === "false") return [text("is not set")];
    return [text("is set, or not, as told by"), valuePiece(expected)];
  }
  return [text(OPERATORS[name] ?? name), valuePiece(expected)];
}

export function conditionLine(condition: unknown): Line {
  const all = member(condition, "allOf");
  if (Array.isArray(all)) return several(all, "all of these hold:", "always");
  const any = member(condition, "anyOf");
  if (Array.isArray(any)) return several(any, "any of these holds:", "never");
  const negated = member(condition, "not");
  if (negated !== undefined) return notLine(negated);
  if (!isSource(condition) || Object.keys(condition).length === 0) return { pieces: [valuePiece(condition)] };
  const test = testOf(condition);
  const count = member(condition, "count");
  if (count !== undefined) return countLine(count, test);
  const name = member(condition, "field");
  const operand = name === undefined ? [text("the value"), valuePiece(member(condition, "value"))] : [fieldPiece(name)];
  return { pieces: [...operand, ...(test ? testPieces(test) : [])] };
}

/** A list of conditions; of one, only that is said. */
function several(conditions: readonly unknown[], words: string, empty: string): Line {
  if (conditions.length === 0) return { pieces: [text(empty)] };
  if (conditions.length === 1) return conditionLine(conditions[0]);
  return { pieces: [text(words)], lines: conditions.map(conditionLine) };
}

function notLine(negated: unknown): Line {
  const any = member(negated, "anyOf");
  if (Array.isArray(any) && any.length > 1) return { pieces: [text("none of these holds:")], lines: any.map(conditionLine) };
  const all = member(negated, "allOf");
  if (Array.isArray(all) && all.length > 1) return { pieces: [text("not all of these hold:")], lines: all.map(conditionLine) };
  return { pieces: [text("not:")], lines: [conditionLine(negated)] };
}

function countLine(count: unknown, test: { name: string; expected: unknown } | undefined): Line {
  const { words, rest } = amount(test);
  const values = member(count, "value");
  const name = member(count, "name");
  const over = values === undefined
    ? [fieldPiece(member(count, "field"))]
    : [text("the values"), valuePiece(values), ...(typeof name === "string" ? [text("each called"), field(name)] : [])];
  const where = member(count, "where");
  if (where === undefined) return { pieces: [text(rest.length > 0 ? words : `it has ${words}`), ...over, ...rest] };
  return { pieces: [text(words), ...over, ...(rest.length > 0 ? [...rest, text("counting those where:")] : [text("where:")])], lines: [conditionLine(where)] };
}

/** How many: `at least 1 of`, or the number compared with what is not a plain number. */
function amount(test: { name: string; expected: unknown } | undefined): { words: string; rest: Piece[] } {
  if (!test) return { words: "the number of", rest: [] };
  const n = typeof test.expected === "string" && /^\d+$/.test(test.expected) ? Number(test.expected) : test.expected;
  if (typeof n === "number") {
    const words: Record<string, string> = {
      equals: n === 0 ? "none of" : `exactly ${n} of`,
      notequals: n === 0 ? "at least 1 of" : `any number but ${n} of`,
      greater: n === 0 ? "at least 1 of" : `more than ${n} of`,
      greaterorequals: `at least ${n} of`,
      less: n === 1 ? "none of" : `fewer than ${n} of`,
      lessorequals: n === 0 ? "none of" : `at most ${n} of`,
    };
    const known = words[test.name];
    if (known) return { words: known, rest: [] };
  }
  return { words: "the number of", rest: testPieces(test) };
}

/** A line and all below it as plain text. */
export function lineText(line: Line, depth = 0): string {
  const own = "  ".repeat(depth) + line.pieces.map(pieceText).join(" ");
  return [own, ...(line.lines ?? []).map((below) => lineText(below, depth + 1))].join("\n");
}

export function pieceText(piece: Piece): string {
  if (piece.kind === "parameter") return `{${piece.name}}`;
  if (piece.kind === "values") return piece.values.length === 0 ? "(nothing)" : piece.values.map(pieceText).join(", ");
  if (piece.kind === "field") return `\`${piece.text}\``;
  return piece.text;
}

/** How many lines there are, to decide whether parts begin closed. */
export const countLines = (line: Line): number => 1 + (line.lines ?? []).reduce((sum, below) => sum + countLines(below), 0);
