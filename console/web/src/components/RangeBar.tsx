interface Props {
  /** Between 0 and 1, as are the ends of the range. */
  value: number;
  /** What the value may truly be. */
  range?: readonly [number, number];
  /** What the bar shows, in words. */
  text: string;
}

/** A share as a bar, with the range that what is unknown leaves open behind it. */
export function RangeBar({ value, range, text }: Props) {
  const [low, high] = range ?? [value, value];
  const isOpen = high > low;
  return (
    <div className="control-bar" role="img" aria-label={text} title={text}>
      {isOpen && <i className="band" style={{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }} />}
      <i className="value" style={{ width: `${value * 100}%`, height: isOpen ? "50%" : "100%", margin: "auto 0" }} />
    </div>
  );
}
