import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, MessageBar, MessageBarBody, Spinner,
} from "@fluentui/react-components";
import { DocumentAdd20Regular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { importPolicies } from "../../api/policyQueries";
import type { ImportAnswer } from "../../api/policyTypes";
import { queryClient } from "../../api/queries";
import { plural, sentence } from "../../lib/format";
import { objectsText } from "../../lib/policy";
import { isZip, packFiles } from "../../lib/zip";
import { ProblemList } from "./ProblemList";

/** Takes policies from files: first tells what would be taken, then takes it. */
export function ImportDialog({ isOpen, onOpen }: { isOpen: boolean; onOpen: (isOpen: boolean) => void }) {
  return (
    <Dialog open={isOpen} onOpenChange={(_, data) => onOpen(data.open)}>
      <DialogSurface style={{ maxWidth: 760 }}>{isOpen && <ImportForm onClose={() => onOpen(false)} />}</DialogSurface>
    </Dialog>
  );
}

interface Chosen {
  names: string[];
  body: Blob;
}

/** A zip archive goes as it is; other files are packed into one, so that mistakes tell their file. */
async function bodyOf(files: readonly File[]): Promise<Chosen> {
  const read = await Promise.all(files.map(async (file) => ({ name: file.webkitRelativePath || file.name, bytes: new Uint8Array(await file.arrayBuffer()) })));
  const names = read.map((file) => file.name);
  const archives = read.filter((file) => isZip(file.bytes));
  if (archives.length > 0 && read.length > 1) throw new Error("choose one zip archive, or any number of JSON and YAML files");
  const bytes = archives[0]?.bytes ?? packFiles(read);
  return { names, body: new Blob([bytes]) };
}

function ImportForm({ onClose }: { onClose: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);
  const looking = useMutation({
    mutationFn: async (files: readonly File[]) => {
      const chosen = await bodyOf(files);
      return { ...chosen, answer: await importPolicies(chosen.body, true) };
    },
  });
  const taking = useMutation({
    mutationFn: (body: Blob) => importPolicies(body, false),
    onSuccess: () => void queryClient.invalidateQueries(),
  });
  const isBusy = looking.isPending || taking.isPending;
  const error = looking.error ?? taking.error;
  const choose = (files: FileList | null) => {
    if (!files || files.length === 0 || isBusy) return;
    taking.reset();
    looking.mutate([...files]);
  };
  const found = looking.data;
  const canTake = found !== undefined && found.answer.ids.length > 0 && !taking.data;
  return (
    <DialogBody>
      <DialogTitle>Import policies</DialogTitle>
      <DialogContent className="stack wide">
        {!taking.data && (
          <div
            className="drop stack" data-over={isOver || undefined}
            onDragOver={(event) => { event.preventDefault(); setIsOver(true); }} onDragLeave={() => setIsOver(false)}
            onDrop={(event) => { event.preventDefault(); setIsOver(false); choose(event.dataTransfer.files); }}
          >
            <p>JSON or YAML files with definitions, initiatives, assignments, exemptions, attestations or management groups, or a zip archive of such files.</p>
            <input
              ref={input} type="file" multiple accept=".json,.yaml,.yml,.zip" className="visually-hidden" tabIndex={-1} aria-label="Files to import"
              onChange={(event) => { choose(event.target.files); event.target.value = ""; }}
            />
            <div className="row">
              <Button icon={<DocumentAdd20Regular />} disabled={isBusy} onClick={() => input.current?.click()}>{found ? "Choose other files" : "Choose files"}</Button>
              <span className="muted small">{found ? namesText(found.names) : "or drop them here; nothing is taken before you have seen what it is"}</span>
            </div>
          </div>
        )}
        {looking.isPending && <Spinner size="tiny" labelPosition="after" label="Looking at what is in them" />}
        {found && !taking.data && <Preview answer={found.answer} />}
        {taking.data && <Taken answer={taking.data} />}
        {error && <MessageBar intent="error"><MessageBarBody>{sentence(error.message)}</MessageBarBody></MessageBar>}
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose} disabled={taking.isPending}>{taking.data ? "Close" : "Cancel"}</Button>
        {!taking.data && (
          <Button appearance="primary" disabled={!canTake || isBusy} onClick={() => found && taking.mutate(found.body)}>
            {taking.isPending ? "Importing and judging…" : "Import"}
          </Button>
        )}
      </DialogActions>
    </DialogBody>
  );
}

const namesText = (names: readonly string[]): string => (names.length > 3 ? plural(names.length, "file") : names.join(", "));

function Preview({ answer }: { answer: ImportAnswer }) {
  const read = objectsText(answer.read);
  return (
    <div className="stack" aria-live="polite">
      <p><strong>{read ? `Would be taken: ${read}.` : "Nothing in them can be taken."}</strong>{answer.ignored.length > 0 && <span className="muted" title={answer.ignored.slice(0, 20).join("\n")}> {plural(answer.ignored.length, "file")} of another kind left alone.</span>}</p>
      <Problems answer={answer} />
    </div>
  );
}

function Problems({ answer }: { answer: ImportAnswer }) {
  if (answer.problemCount === 0) return null;
  return (
    <>
      <p className="tone-Unhealthy">{plural(answer.problemCount, "mistake")}: objects with a mistake are not taken.</p>
      <ProblemList label="Mistakes" problems={answer.problems.map((own) => ({ ...own, place: placeText(own.file, own.line, own.column) }))} />
      {answer.problemCount > answer.problems.length && <p className="muted">Only the first {answer.problems.length} are shown.</p>}
    </>
  );
}

const placeText = (...parts: (string | number | null | undefined)[]): string => parts.filter((part) => part !== null && part !== undefined).join(":");

function Taken({ answer }: { answer: ImportAnswer }) {
  const { change, judged } = answer;
  return (
    <div className="stack" aria-live="polite">
      <MessageBar intent="success"><MessageBarBody>Imported {objectsText(answer.read)}.</MessageBarBody></MessageBar>
      {change && <p>{plural(change.added, "object")} new, {change.changed} changed, {change.same} as they were.</p>}
      {judged && <p>{plural(judged.resources, "resource")} judged: {plural(judged.states, "state")}, of which {judged.changed} are new or changed.</p>}
      <Problems answer={answer} />
    </div>
  );
}
