import { Field, Input, Radio, RadioGroup, Textarea } from "@fluentui/react-components";
import type { AzureTest } from "../../api/connectorTypes";
import { useMayEverywhere } from "../../api/peopleQueries";
import { ASSIGNMENTS_WRITE } from "../../lib/actions";
import { hasGaps, type AzureDraft, type AzureProblems } from "../../lib/connectAzure";
import { plural } from "../../lib/format";

interface StepProps {
  draft: AzureDraft;
  problems: AzureProblems;
  onChange: (changes: Partial<AzureDraft>) => void;
}

export function CloudStep({ draft, problems, onChange }: StepProps) {
  return (
    <>
      <Field label="Which Azure">
        <RadioGroup value={draft.cloud} onChange={(_, data) => onChange({ cloud: data.value as AzureDraft["cloud"] })}>
          <Radio value="public" label="Azure, the public cloud" />
          <Radio value="government" label="Azure Government (United States)" />
          <Radio value="china" label="Azure in China, operated by 21Vianet" />
          <Radio value="other" label="Another Azure Resource Manager" />
        </RadioGroup>
      </Field>
      {draft.cloud === "other" && (
        <Field label="Address" required validationMessage={problems.cloudUrl} hint="On the server's machine, or one that azureClouds in settings.toml names: secrets are sent nowhere else.">
          <Input value={draft.cloudUrl} inputMode="url" autoCapitalize="none" spellCheck={false} maxLength={2048} placeholder="https://management.example" onChange={(_, data) => onChange({ cloudUrl: data.value })} />
        </Field>
      )}
      <p className="small muted">AWS is connected with <code>skywarden connect aws</code>, on the server or through Azure Resource Manager&apos;s API.</p>
    </>
  );
}

export function LoginStep({ draft, problems, onChange }: StepProps) {
  const isAdministrator = useMayEverywhere()(ASSIGNMENTS_WRITE);
  const hasClient = draft.login !== "az";
  return (
    <>
      <Field label="Tenant" required validationMessage={problems.tenant} hint="Its id, or a domain name such as contoso.onmicrosoft.com.">
        <Input value={draft.tenant} autoCapitalize="none" autoComplete="off" spellCheck={false} maxLength={253} onChange={(_, data) => onChange({ tenant: data.value })} />
      </Field>
      <Field label="Log in with" hint={isAdministrator ? "All but the first use an identity of the server itself." : "An identity of the server itself can be used by administrators of the installation only."}>
        <RadioGroup value={draft.login} onChange={(_, data) => onChange({ login: data.value as AzureDraft["login"] })}>
          <Radio value="client-secret" label="An application and its secret" />
          <Radio value="managed-identity" disabled={!isAdministrator} label="The managed identity of the server" />
          <Radio value="workload-identity" disabled={!isAdministrator} label="Workload identity (Kubernetes)" />
          <Radio value="az" disabled={!isAdministrator} label="Whoever is logged in with az on the server" />
        </RadioGroup>
      </Field>
      {hasClient && (
        <Field
          label="Application (client) id" required={draft.login === "client-secret"} validationMessage={problems.clientId}
          hint={draft.login === "client-secret" ? "Of an app registration: az ad sp create-for-rbac --name skywarden --skip-assignment makes one." : "Leave empty for the identity that the server has by itself."}
        >
          <Input value={draft.clientId} autoCapitalize="none" autoComplete="off" spellCheck={false} maxLength={36} onChange={(_, data) => onChange({ clientId: data.value })} />
        </Field>
      )}
      {draft.login === "client-secret" && (
        <Field label="Client secret" required validationMessage={problems.clientSecret} hint="It is sealed under the server's master key and never shown again.">
          <Input type="password" value={draft.clientSecret} autoComplete="new-password" maxLength={16384} onChange={(_, data) => onChange({ clientSecret: data.value })} />
        </Field>
      )}
    </>
  );
}

export function ScopeStep({ draft, problems, onChange }: StepProps) {
  return (
    <>
      <Field label="Subscriptions">
        <RadioGroup value={draft.extent} onChange={(_, data) => onChange({ extent: data.value as AzureDraft["extent"] })}>
          <Radio value="all" label="All that the login sees, new ones as they come" />
          <Radio value="group" label="All below a management group, new ones as they come" />
          <Radio value="some" label="These only" />
        </RadioGroup>
      </Field>
      {draft.extent === "group" && (
        <Field label="Management group" required validationMessage={problems.managementGroup} hint="Its id, not its display name.">
          <Input value={draft.managementGroup} autoCapitalize="none" autoComplete="off" spellCheck={false} maxLength={90} onChange={(_, data) => onChange({ managementGroup: data.value })} />
        </Field>
      )}
      {draft.extent === "some" && (
        <Field label="Ids of subscriptions" required validationMessage={problems.subscriptions} hint="One a line.">
          <Textarea value={draft.subscriptions} rows={4} spellCheck={false} onChange={(_, data) => onChange({ subscriptions: data.value })} />
        </Field>
      )}
    </>
  );
}

export function NameStep({ draft, problems, test, onChange }: StepProps & { test: AzureTest }) {
  const incomplete = test.subscriptions.filter((one) => one.state !== "complete").length;
  const denied = test.directory.filter((one) => !one.granted).length;
  return (
    <>
      <Field label="Name of the connector" required validationMessage={problems.name} hint="Ids of what is found carry it; it cannot be changed later.">
        <Input value={draft.name} autoCapitalize="none" autoComplete="off" spellCheck={false} maxLength={64} onChange={(_, data) => onChange({ name: data.value })} />
      </Field>
      <dl className="facts">
        <dt>Tenant</dt><dd className="breakable">{test.tenant}</dd>
        <dt>Subscriptions</dt><dd>{plural(test.subscriptions.length, "subscription")}{incomplete > 0 && `, ${incomplete} of them not read whole`}{test.unseen.length > 0 && `, ${test.unseen.length} more cannot be seen`}</dd>
        <dt>Directory</dt><dd>{denied > 0 ? `${plural(denied, "permission")} of Microsoft Graph not granted` : "All that is asked of Microsoft Graph is granted"}</dd>
      </dl>
      {hasGaps(test) && <p className="small muted">What rests on what is missing stays Unknown, and says why. Rights that are given later count with the next assessment.</p>}
    </>
  );
}
