import { Button } from "@fluentui/react-components";
import { ChevronRight16Regular } from "@fluentui/react-icons";
import { createContext, useContext, useState } from "react";
import type { Parameter } from "../../api/policyTypes";
import { plural, shorten } from "../../lib/format";
import { countLines, type Line, type Piece } from "../../lib/policyCondition";
import { ruleText } from "../../lib/policyRule";

/** Values of a list that are laid out before a person asks for the rest. */
const FIRST = 12;
/** Rules longer than this begin with their deep parts closed. */
const LONG = 60;

const Declared = createContext<ReadonlyMap<string, Parameter>>(new Map());

/** A rule in words: what has to hold, and what then happens. */
export function RuleTree({ rule, parameters }: { rule: unknown; parameters: readonly Parameter[] }) {
  const { condition, effect } = ruleText(rule);
  const declared = new Map(parameters.map((own) => [own.name.toLowerCase(), own]));
  const isLong = countLines(condition) + countLines(effect) > LONG;
  const [isWhole, setIsWhole] = useState(!isLong);
  const openDepth = isWhole ? Number.POSITIVE_INFINITY : 2;
  return (
    <Declared.Provider value={declared}>
      <div className="stack" key={String(isWhole)}>
        {isLong && <div><Button size="small" appearance="subtle" onClick={() => setIsWhole(!isWhole)}>{isWhole ? "Close deep parts" : "Open all parts"}</Button></div>}
        <span className="rule-word">If</span>
        <ul className="rule"><RuleLine line={condition} depth={0} openDepth={openDepth} /></ul>
        <span className="rule-word">then</span>
        <ul className="rule"><RuleLine line={effect} depth={0} openDepth={openDepth} /></ul>
      </div>
    </Declared.Provider>
  );
}

function RuleLine({ line, depth, openDepth }: { line: Line; depth: number; openDepth: number }) {
  const [isOpen, setIsOpen] = useState(depth < openDepth);
  const lines = line.lines ?? [];
  return (
    <li>
      <div className="rule-line">
        {lines.length > 0 ? (
          <button type="button" className="expand-button" aria-expanded={isOpen} aria-label={isOpen ? "Close this part" : "Open this part"} onClick={() => setIsOpen(!isOpen)}>
            <ChevronRight16Regular aria-hidden />
          </button>
        ) : <span aria-hidden>•</span>}
        <span>{line.pieces.map((piece, at) => <span key={at}>{at > 0 && " "}<PieceText piece={piece} /></span>)}{lines.length > 0 && !isOpen && <span className="muted"> … {plural(lines.length, "part")}</span>}</span>
      </div>
      {isOpen && lines.length > 0 && <ul>{lines.map((below, at) => <RuleLine key={at} line={below} depth={depth + 1} openDepth={openDepth} />)}</ul>}
    </li>
  );
}

function PieceText({ piece }: { piece: Piece }) {
  switch (piece.kind) {
    case "text": return <>{piece.text}</>;
    case "field": return <code className="field">{piece.text}</code>;
    case "value": return <code className="value" title={piece.text.length > 200 ? shorten(piece.text, 2000) : undefined}>{shorten(piece.text, 200)}</code>;
    case "expression": return <code className="expression">{shorten(piece.text, 600)}</code>;
    case "parameter": return <ParameterChip name={piece.name} />;
    case "values": return <Values pieces={piece.values} />;
  }
}

function Values({ pieces }: { pieces: readonly Piece[] }) {
  const [isWhole, setIsWhole] = useState(false);
  if (pieces.length === 0) return <span className="muted">(nothing)</span>;
  const shown = isWhole ? pieces : pieces.slice(0, FIRST);
  return (
    <>
      {shown.map((piece, at) => <span key={at}>{at > 0 && ", "}<PieceText piece={piece} /></span>)}
      {pieces.length > FIRST && <> <button type="button" className="link-button" onClick={() => setIsWhole(!isWhole)}>{isWhole ? "show fewer" : `and ${pieces.length - FIRST} more`}</button></>}
    </>
  );
}

/** A parameter with its default, all that is known of it being told on hover. */
function ParameterChip({ name }: { name: string }) {
  const declared = useContext(Declared).get(name.toLowerCase());
  const value = declared?.default === undefined || declared.default === null ? undefined : defaultText(declared.default);
  const about = declared && [declared.displayName, declared.description, value === undefined ? "No default: an assignment has to give it." : `Default: ${value}`].filter(Boolean).join("\n");
  return (
    <span className="chip" title={about || `The parameter ${name} is not declared`}>
      <span className="visually-hidden">parameter </span>{name}{value !== undefined && <span className="muted">: {shorten(value, 48)}</span>}
    </span>
  );
}

export const defaultText = (value: unknown): string => (value === "" ? "(empty text)" : typeof value === "string" ? value : JSON.stringify(value) ?? "");
