import { Beaker16Regular } from "@fluentui/react-icons";

export function SampleBadge() {
  return (
    <span className="tag sample" title="From a recorded estate, not from yours">
      <Beaker16Regular aria-hidden /> <span>Sample data</span>
    </span>
  );
}
