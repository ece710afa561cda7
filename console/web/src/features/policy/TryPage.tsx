import { useSearchParams } from "react-router";
import { useDefinition } from "../../api/policyQueries";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { TryPanel } from "./TryPanel";

export default function TryPage() {
  const [parameters] = useSearchParams();
  const id = parameters.get("id") ?? "";
  const query = useDefinition(id);
  return (
    <div className="page" key={id}>
      <PageHead
        title="Try a policy" tabTitle="Try a policy" crumb={{ to: "/policy", text: "Policy" }}
        lead="What a definition says of a resource: when it is to be made, and once it exists. Nothing is stored and nothing is changed."
      />
      {id ? <Loaded query={query}>{(detail) => <TryPanel stored={detail.kind === "definition" ? detail : undefined} />}</Loaded> : <TryPanel />}
    </div>
  );
}
