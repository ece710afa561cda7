import { Button } from "@fluentui/react-components";
import { Add16Regular } from "@fluentui/react-icons";
import { useState } from "react";
import { useSuppressionRules } from "../../api/alertQueries";
import { useMay } from "../../api/peopleQueries";
import { Allowed } from "../../components/Allowed";
import { FilterSelect } from "../../components/Filters";
import { OpenDialog } from "../../components/FormDialog";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksNote, Problem } from "../../components/Problem";
import { ShowMore } from "../../components/ShowMore";
import { SUPPRESSION_READ, SUPPRESSION_WRITE } from "../../lib/actions";
import { plural } from "../../lib/format";
import { newDraft, type RulesRead } from "../../lib/suppression";
import { useUrlState } from "../../lib/useUrlState";
import { RuleForm } from "./RuleForm";
import { RuleTable } from "./RuleTable";
import { useSubscriptions, type NamedSubscription } from "./useSubscriptions";

/** Subscriptions that are read together without being asked for: each is a request of its own. */
const MOST = 50;

/** Rules laid out before a person asks for more. */
const STEP = 100;

export default function SuppressionPage() {
  const subscriptions = useSubscriptions();
  return (
    <div className="page">
      <PageHead
        title="Suppression rules" tabTitle="Suppression rules" crumb={{ to: "/alerts", text: "Alerts" }}
        lead="Alerts that a rule fits are dismissed as they come, with the name of the rule. Those that were there before stay as they are."
      />
      <Allowed action={SUPPRESSION_READ} what="see suppression rules">
        <Loaded query={subscriptions}>{(all) => <Rules all={all} />}</Loaded>
      </Allowed>
    </div>
  );
}

function Rules({ all }: { all: readonly NamedSubscription[] }) {
  const { values, set } = useUrlState(["subscription"]);
  const isMany = all.length > MOST;
  const wanted = values.subscription ? all.filter(({ id }) => id === values.subscription) : isMany ? all.slice(0, 1) : all;
  const query = useSuppressionRules(wanted.map(({ id }) => id));
  const canWrite = useMay()(SUPPRESSION_WRITE);
  const rules = query.data?.rules ?? [];
  const first = wanted.length === 1 ? (wanted[0]?.id ?? "") : "";
  return (
    <>
      <div className="row spread" style={{ alignItems: "flex-end" }}>
        <div className="filters" style={{ flex: 1 }}>
          {all.length > 1 && (
            <FilterSelect
              label="Subscription" value={isMany ? (wanted[0]?.id ?? "") : values.subscription} all={isMany ? "Choose one" : "All"} choices={all.map(({ id, title }) => ({ value: id, label: title }))}
              onChange={(subscription) => set({ subscription })}
            />
          )}
        </div>
        {canWrite && (
          <OpenDialog trigger={<Button appearance="primary" icon={<Add16Regular />}>Make a rule</Button>}>
            {(close) => <RuleForm title="Make a suppression rule" draft={newDraft(first)} others={rules} onDone={close} />}
          </OpenDialog>
        )}
      </div>
      {!canWrite && <LacksNote action={SUPPRESSION_WRITE} what="make or change rules" />}
      <Loaded query={query}>{(read) => <Found read={read} all={all} />}</Loaded>
    </>
  );
}

function Found({ read, all }: { read: RulesRead; all: readonly NamedSubscription[] }) {
  const [limit, setLimit] = useState(STEP);
  const { rules, unread } = read;
  const titleOf = (id: string) => all.find((own) => own.id === id)?.title ?? id;
  return (
    <>
      {unread.length > 0 && <Problem text={`The rules of ${plural(unread.length, "subscription")} could not be read (${titleOf(unread[0]?.subscription ?? "")}: ${unread[0]?.reason})`} />}
      <div className="card flush">
        {rules.length > 0 ? <RuleTable rules={rules.slice(0, limit)} titleOf={titleOf} /> : unread.length === 0 && (
          <EmptyNote title="There is no suppression rule">
            <p>Open an alert that is known and meant, and choose “Suppress alerts like this”.</p>
          </EmptyNote>
        )}
        <ShowMore left={rules.length - limit} onMore={() => setLimit(limit + STEP)} />
      </div>
    </>
  );
}
