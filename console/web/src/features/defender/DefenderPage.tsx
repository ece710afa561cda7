import { useParams } from "react-router";
import { ApiError } from "../../api/client";
import type { BesideDefender } from "../../api/defenderTypes";
import { useBesideDefender, useConnectorRows } from "../../api/queries";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Time } from "../../components/Time";
import { ageOf } from "../../lib/connectors";
import { adoptCommand } from "../../lib/defender";
import { AgreementCard } from "./AgreementCard";
import { AloneList } from "./AloneList";
import { ComparedSection } from "./ComparedSection";
import { NeverAsked } from "./NeverAsked";
import { ScoresCard } from "./ScoresCard";
import { TakeOverCard } from "./TakeOverCard";
import { UnreadNote } from "./UnreadNote";

/** What Defender for Cloud said of a tenant when it was last asked, beside what is said here. */
export default function DefenderPage() {
  const { id = "" } = useParams();
  const connectors = useConnectorRows();
  const query = useBesideDefender(id);
  const row = connectors.data?.find((one) => one.id === id);
  return (
    <div className="page" key={id}>
      <PageHead
        title="Beside Defender" tabTitle="Beside Defender" crumb={{ to: "/connectors", text: "Connectors" }}
        lead={<>What Microsoft Defender for Cloud says of <bdi>{row?.displayName ?? id}</bdi>, beside what is said here. {query.data && <Asked beside={query.data} />}</>}
      />
      <Loaded query={connectors}>
        {() => (row && isUnasked(query.error) ? <NeverAsked row={row} /> : <Loaded query={query} rows={10}>{(beside) => <Beside beside={beside} />}</Loaded>)}
      </Loaded>
    </div>
  );
}

/** Of a connector that is there, only the answer can be missing. */
const isUnasked = (error: Error | null): boolean => error instanceof ApiError && error.status === 404;

function Asked({ beside }: { beside: BesideDefender }) {
  return <>Defender was asked <Time at={beside.takenAt} />, {ageOf(beside.takenAt)} ago; <code>{adoptCommand(beside.connector)}</code> asks again.</>;
}

function Beside({ beside }: { beside: BesideDefender }) {
  const { compared, onlyTheirs, onlyOurs } = beside.agreement;
  return (
    <>
      <UnreadNote unread={beside.unread} />
      <div className="columns">
        <ScoresCard beside={beside} />
        <AgreementCard rows={compared} isAssessed={beside.scores.some((own) => own.ours !== null)} />
      </div>
      <ComparedSection beside={beside} />
      <div className="stack wide">
        <AloneList title="Judged only by Defender" rows={onlyTheirs} />
        <AloneList title="Judged only here" rows={onlyOurs} isOurs />
      </div>
      <TakeOverCard beside={beside} />
    </>
  );
}
