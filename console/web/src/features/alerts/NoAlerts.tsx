import { Link } from "react-router";
import { useMay } from "../../api/peopleQueries";
import { EmptyNote } from "../../components/PageStates";
import { ALERTS_SIMULATE, LOG_INPUTS_READ } from "../../lib/actions";
import { SimulateDialog } from "./SimulateDialog";

/** That there is none says something only if logs come in. */
export function NoAlerts() {
  const may = useMay();
  return (
    <EmptyNote title="No open alert in this time">
      <p>Detections see only what logs bring: {may(LOG_INPUTS_READ) ? <Link to="/logs">look whether log sources are read</Link> : "ask who runs this installation whether log sources are read"}.{may(ALERTS_SIMULATE) && " To see what alerts look like, make some samples."}</p>
      {may(ALERTS_SIMULATE) && <SimulateDialog />}
    </EmptyNote>
  );
}
