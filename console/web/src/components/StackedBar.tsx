import { formatCount, words } from "../lib/format";

export interface Share {
  name: string;
  /** What people call it, where the name is that of a colour only. */
  label?: string;
  count: number;
}

/** A bar of shares; what it shows is told in words to those who cannot see it. */
export function StackedBar({ shares, isTall = false }: { shares: readonly Share[]; isTall?: boolean }) {
  const shown = shares.filter((share) => share.count > 0);
  const text = shown.map((share) => `${share.label ?? words(share.name)}: ${formatCount(share.count)}`).join(", ") || "Nothing counted";
  return (
    <div className={isTall ? "bar tall" : "bar"} role="img" aria-label={text} title={text}>
      {shown.map((share) => (
        <span key={share.name} className={`fill-${share.name}`} style={{ flexGrow: share.count, flexBasis: 0 }} />
      ))}
    </div>
  );
}

export function Legend({ shares, isColumn = false }: { shares: readonly Share[]; isColumn?: boolean }) {
  return (
    <ul className={`plain legend${isColumn ? " column" : ""}`}>
      {shares.map((share) => (
        <li key={share.name}>
          <span className={`swatch fill-${share.name}`} aria-hidden />
          <span>{share.label ?? words(share.name)}</span>
          <strong className="number">{formatCount(share.count)}</strong>
        </li>
      ))}
    </ul>
  );
}
