import { Button, MessageBar, MessageBarActions, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { api } from "../../api/client";
import { useMay } from "../../api/peopleQueries";
import { refetchEverything } from "../../api/queries";
import type { Connector } from "../../api/types";
import { ConfirmDialog } from "../../components/ConfirmDialog";
import { useSay } from "../../components/useSay";
import { CONNECTORS_DELETE } from "../../lib/actions";

/** Says that some of what is shown is not the user's own, and offers to remove it. */
export function SampleBanner({ connectors }: { connectors: readonly Connector[] }) {
  const samples = connectors.filter((connector) => connector.sample);
  return samples.map((connector) => <SampleNote key={connector.id} connector={connector} />);
}

function SampleNote({ connector }: { connector: Connector }) {
  const say = useSay();
  const canRemove = useMay()(CONNECTORS_DELETE);
  const remove = async () => {
    await api.remove(`/connectors/${encodeURIComponent(connector.id)}`);
    await refetchEverything();
    say("Sample data removed");
  };
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>Sample data</MessageBarTitle>
        “{connector.displayName}” is a recorded estate for trying Skywarden out. It counts in the scores on this page.
      </MessageBarBody>
      {canRemove && (
        <MessageBarActions>
          <ConfirmDialog trigger={<Button size="small">Remove sample data</Button>} title="Remove the sample data?" action="Remove" onConfirm={remove}>
            <p>Skywarden removes “{connector.displayName}” with its resources, assessments and scores. What belongs to your own environments stays.</p>
          </ConfirmDialog>
        </MessageBarActions>
      )}
    </MessageBar>
  );
}
