import { Button } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent } from "react";
import { useNavigate } from "react-router";
import { api } from "../../api/client";
import type { AzureTest } from "../../api/connectorTypes";
import { useMayEverywhere, useSession } from "../../api/peopleQueries";
import { queryClient } from "../../api/queries";
import { Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { LacksPage, Problem } from "../../components/Problem";
import { useSay } from "../../components/useSay";
import { CONNECTORS_WRITE } from "../../lib/actions";
import { EMPTY_AZURE, hasGaps, loginOf, problemsOf, STEPS, usualName, type AzureDraft, type StepKey } from "../../lib/connectAzure";
import { AzureTestResult } from "./AzureTestResult";
import { CloudStep, LoginStep, NameStep, ScopeStep } from "./ConnectSteps";

/** Connects a tenant of Azure, step by step. */
export default function ConnectPage() {
  const session = useSession();
  const may = useMayEverywhere();
  return (
    <div className="page">
      <PageHead
        title="Connect Azure" tabTitle="Connect" crumb={{ to: "/connectors", text: "Connectors" }}
        lead="A login that may read, what of the tenant it looks at, and a test that says what stays unknown."
      />
      <Loaded query={session}>{() => (may(CONNECTORS_WRITE) ? <Wizard /> : <LacksPage action={CONNECTORS_WRITE} what="connect environments for the whole installation" />)}</Loaded>
    </div>
  );
}

function Wizard() {
  const say = useSay();
  const navigate = useNavigate();
  const [at, setAt] = useState(0);
  const [isChecked, setIsChecked] = useState(false);
  const [draft, setDraft] = useState(EMPTY_AZURE);
  const testing = useMutation({ mutationFn: () => api.post<AzureTest>("/connectors/azure/probe", loginOf(draft)) });
  const connecting = useMutation({
    mutationFn: () => api.put(`/connectors/azure/${encodeURIComponent(draft.name)}`, loginOf(draft)),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ["connectors"] });
      navigate("/connectors");
      say("Azure is connected", "It is read with the next assessment of the installation.");
    },
  });
  const title = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  // Who can't see the page is told of the next step.
  useEffect(() => {
    if (!isFirst.current) title.current?.focus();
    isFirst.current = false;
  }, [at]);
  const step = STEPS[at] ?? STEPS[0];
  const problems = isChecked ? problemsOf(step.key, draft) : {};
  const set = (changes: Partial<AzureDraft>) => {
    setDraft({ ...draft, ...changes });
    // What was tested is another login by now.
    if (step.key !== "connect") testing.reset();
    connecting.reset();
  };
  const go = (next: number) => {
    setIsChecked(false);
    setAt(next);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (Object.keys(problemsOf(step.key, draft)).length > 0) return;
    if (step.key === "connect") return connecting.mutate();
    if (STEPS[at + 1]?.key === "test" && !testing.data) testing.mutate();
    if (step.key === "test" && testing.data && !draft.name) setDraft({ ...draft, name: usualName(testing.data) });
    go(at + 1);
  };
  return (
    <>
      <StepList at={at} onBack={go} />
      <form className="card stack wide" aria-label={step.title} onSubmit={submit} noValidate>
        <h2 ref={title} tabIndex={-1}>{step.title}</h2>
        {step.key === "cloud" && <CloudStep draft={draft} problems={problems} onChange={set} />}
        {step.key === "login" && <LoginStep draft={draft} problems={problems} onChange={set} />}
        {step.key === "scope" && <ScopeStep draft={draft} problems={problems} onChange={set} />}
        {step.key === "test" && <TestStep testing={testing} draft={draft} />}
        {step.key === "connect" && testing.data && <NameStep draft={draft} problems={problems} test={testing.data} onChange={set} />}
        {step.key === "connect" && <Problem text={connecting.error?.message} />}
        <div className="row">
          {at > 0 && <Button onClick={() => go(at - 1)} disabled={connecting.isPending}>Back</Button>}
          <Button type="submit" appearance="primary" disabled={connecting.isPending || (step.key === "test" && !testing.data)}>
            {nextWord(step.key, testing.data, connecting.isPending)}
          </Button>
        </div>
      </form>
    </>
  );
}

function nextWord(step: StepKey, test: AzureTest | undefined, isPending: boolean): string {
  if (step === "connect") return isPending ? "Connecting…" : "Connect";
  if (step === "scope") return "Test";
  return step === "test" && test && hasGaps(test) ? "Go on with gaps" : "Next";
}

function StepList({ at, onBack }: { at: number; onBack: (step: number) => void }) {
  return (
    <ol className="wizard-steps" aria-label="Steps">
      {STEPS.map((step, place) => (
        <li key={step.key} aria-current={place === at ? "step" : undefined} className={place < at ? "is-done" : undefined}>
          <span className="wizard-number" aria-hidden>{place + 1}</span>
          {place < at ? <button type="button" className="link-button" onClick={() => onBack(place)}>{step.title}</button> : <span>{step.title}</span>}
        </li>
      ))}
    </ol>
  );
}

interface Testing {
  data?: AzureTest;
  error: Error | null;
  isPending: boolean;
  mutate: () => void;
}

function TestStep({ testing, draft }: { testing: Testing; draft: AzureDraft }) {
  return (
    <>
      <p aria-live="polite" className="muted">{testing.isPending ? "Logging in and asking what may be read…" : testing.data ? `The login works: it reaches the tenant ${testing.data.tenant}.` : ""}</p>
      <Problem text={testing.error?.message} />
      {testing.data && <AzureTestResult test={testing.data} clientId={draft.clientId.trim()} />}
      <div className="row"><Button onClick={() => testing.mutate()} disabled={testing.isPending}>Test again</Button></div>
    </>
  );
}
