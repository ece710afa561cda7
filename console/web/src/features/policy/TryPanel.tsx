import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { Lightbulb20Regular, Play20Filled } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState, type RefObject } from "react";
import { Link } from "react-router";
import { tryPolicy } from "../../api/policyQueries";
import type { DefinitionDetail, TrialAnswer, TrialPart, TrialProblem } from "../../api/policyTypes";
import { sentence } from "../../lib/format";
import { definitionPath, objectTitle } from "../../lib/policy";
import { Editor, type EditorHandle } from "./Editor";
import { EXAMPLES, type Example } from "./examples";
import { ProblemList } from "./ProblemList";
import { ResourcePicker } from "./ResourcePicker";
import { TryResults } from "./TryResults";

const NAMES: Record<TrialPart, string> = { definition: "Definition", parameters: "Parameters", resource: "Resource" };

/** Two texts, a definition and a resource, and what the one says of the other. */
export function TryPanel({ stored }: { stored?: DefinitionDetail }) {
  const [definition, setDefinition] = useState("");
  const [isStored, setIsStored] = useState(stored !== undefined);
  const [parameters, setParameters] = useState("");
  const [resource, setResource] = useState("");
  const editors: Record<TrialPart, RefObject<EditorHandle | null>> = { definition: useRef(null), parameters: useRef(null), resource: useRef(null) };
  const trial = useMutation({ mutationFn: tryPolicy });
  const isWhole = (isStored || definition.trim() !== "") && resource.trim() !== "";
  const run = () => trial.mutate({ ...(isStored && stored ? { definitionId: stored.id } : { definition }), parameters: parameters.trim() ? parameters : undefined, resource });
  const fill = (example: Example) => {
    trial.reset();
    setIsStored(false);
    setDefinition(example.definition);
    setParameters(example.parameters);
    setResource(example.resource);
  };
  const copy = () => {
    setDefinition(JSON.stringify(stored?.document, null, 2));
    setIsStored(false);
  };
  const problems = trial.data?.problems ?? [];
  const wrongLines = (part: TrialPart) => problems.flatMap((own) => (own.in === part && own.line ? [own.line] : []));
  return (
    <div className="stack wide">
      <div className="columns">
        <section className="card stack" aria-label="Definition">
          <div className="row spread">
            <h2>Definition</h2>
            {stored && !isStored && <Button size="small" onClick={() => setIsStored(true)}>Use the stored one</Button>}
            {!stored && <ExampleMenu onChoose={fill} />}
          </div>
          {isStored && stored ? (
            <div className="stack">
              <p>The stored definition <Link to={definitionPath(stored.id)}>{objectTitle(stored.displayName, stored.id)}</Link>.</p>
              <div><Button size="small" onClick={copy}>Edit a copy</Button></div>
            </div>
          ) : <Editor label="Definition in JSON or YAML" handle={editors.definition} value={definition} onChange={setDefinition} wrongLines={wrongLines("definition")} placeholder="properties:&#10;  policyRule:&#10;    if: { field: type, equals: ... }&#10;    then: { effect: deny }" />}
          <h3 className="small">Parameters</h3>
          <Editor label="Parameters in JSON or YAML; the rest has its defaults" isShort handle={editors.parameters} value={parameters} onChange={setParameters} wrongLines={wrongLines("parameters")} placeholder={'{ "effect": "Deny" }'} />
        </section>
        <section className="card stack" aria-label="Resource">
          <div className="row spread">
            <h2>Resource</h2>
            <ResourcePicker onChoose={setResource} />
          </div>
          <Editor label="An ARM resource or template, a Terraform plan in JSON, or Kubernetes objects" handle={editors.resource} value={resource} onChange={setResource} wrongLines={wrongLines("resource")} placeholder={'{ "type": "Microsoft.Storage/storageAccounts", "name": "a", "properties": { } }'} />
          <div className="row">
            <Button appearance="primary" icon={<Play20Filled />} disabled={!isWhole || trial.isPending} onClick={run}>{trial.isPending ? "Trying…" : "Try"}</Button>
            {!isWhole && <span className="muted small">{isStored ? "Give a resource." : "Give a definition and a resource."}</span>}
          </div>
        </section>
      </div>
      {trial.error && <MessageBar intent="error"><MessageBarBody>{sentence(trial.error.message)}</MessageBarBody></MessageBar>}
      {trial.data && !trial.isPending && <Outcome answer={trial.data} onGo={(own) => own.line && editors[own.in].current?.go(own.line, own.column ?? 1)} />}
    </div>
  );
}

function ExampleMenu({ onChoose }: { onChoose: (example: Example) => void }) {
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement><Button size="small" icon={<Lightbulb20Regular />}>Examples</Button></MenuTrigger>
      <MenuPopover>
        <MenuList>{EXAMPLES.map((example) => <MenuItem key={example.title} onClick={() => onChoose(example)}>{example.title}</MenuItem>)}</MenuList>
      </MenuPopover>
    </Menu>
  );
}

function Outcome({ answer, onGo }: { answer: TrialAnswer; onGo: (problem: TrialProblem) => void }) {
  const problems = answer.problems.map((own) => ({
    ...own, place: [NAMES[own.in], ...(own.line ? [`line ${own.line}`, `column ${own.column ?? 1}`] : [])].join(", "), onGo: own.line ? () => onGo(own) : undefined,
  }));
  return (
    <div className="stack wide" role="region" aria-label="Outcome" aria-live="polite">
      {problems.length > 0 && (
        <section className="card stack" aria-label="Mistakes">
          <h2>{problems.length === 1 ? "There is a mistake" : `There are ${problems.length} mistakes`}</h2>
          <ProblemList label="Mistakes" problems={problems} />
        </section>
      )}
      {answer.definition?.notEvaluated && <MessageBar intent="warning"><MessageBarBody>Not evaluated here: {sentence(answer.definition.notEvaluated)}</MessageBarBody></MessageBar>}
      {problems.length === 0 && answer.results.length === 0 && <section className="card"><p className="muted">There is no resource in what was given: a plan may only delete, or change nothing.</p></section>}
      <TryResults results={answer.results} />
    </div>
  );
}
