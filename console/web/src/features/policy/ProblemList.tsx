import { sentence } from "../../lib/format";

export interface PlacedProblem {
  place: string;
  message: string;
  help?: string | null;
  onGo?: () => void;
}

/** Mistakes, each with where it is, what it is, and what helps. */
export function ProblemList({ label, problems }: { label: string; problems: readonly PlacedProblem[] }) {
  return (
    <ul className="problems" aria-label={label} tabIndex={0}>
      {problems.map((own, at) => (
        <li key={`${at} ${own.place}`}>
          {own.onGo ? <button type="button" className="link-button mono" onClick={own.onGo}>{own.place}</button> : <code>{own.place}</code>}
          <span>{sentence(own.message)}</span>
          {own.help && <span className="muted small">{sentence(own.help)}</span>}
        </li>
      ))}
    </ul>
  );
}
