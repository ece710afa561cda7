/** What to do, one thing after the other. */
export function Steps({ steps, none }: { steps: readonly string[]; none: string }) {
  if (steps.length === 0) return <p className="muted">{none}</p>;
  return <ol className="steps">{steps.map((step) => <li key={step}><bdi>{step}</bdi></li>)}</ol>;
}
