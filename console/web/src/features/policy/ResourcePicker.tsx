import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, MessageBar, MessageBarBody,
} from "@fluentui/react-components";
import { BoxMultiple20Regular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../api/client";
import { useResources } from "../../api/queries";
import type { Resource, ResourceDetail } from "../../api/types";
import { SearchBox } from "../../components/Filters";
import { Loaded } from "../../components/PageStates";
import { formatCount, plural, sentence } from "../../lib/format";

const LIMIT = 12;

/** Takes a resource that Skywarden knows as the text to try. */
export function ResourcePicker({ onChoose }: { onChoose: (text: string) => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const choose = (text: string) => {
    setIsOpen(false);
    onChoose(text);
  };
  return (
    <Dialog open={isOpen} onOpenChange={(_, data) => setIsOpen(data.open)}>
      <DialogTrigger disableButtonEnhancement><Button size="small" icon={<BoxMultiple20Regular />}>From the inventory</Button></DialogTrigger>
      <DialogSurface>{isOpen && <Picker onChoose={choose} />}</DialogSurface>
    </Dialog>
  );
}

/** A resource as Azure writes one; what could not be read is not in it. */
function armText({ id, name, type, location, tags, envelope, properties }: Resource): string {
  return JSON.stringify({ id, name, type, location: location ?? undefined, tags, ...envelope, properties }, null, 2);
}

function Picker({ onChoose }: { onChoose: (text: string) => void }) {
  const [q, setQ] = useState("");
  const query = useResources({ q, limit: LIMIT });
  const loading = useMutation({
    mutationFn: (id: string) => api.get<ResourceDetail>("/resource", { id }),
    onSuccess: ({ resource }) => onChoose(armText(resource)),
  });
  return (
    <DialogBody>
      <DialogTitle>Load a resource from the inventory</DialogTitle>
      <DialogContent className="stack">
        <div className="filters"><SearchBox label="Search resources" value={q} placeholder="Name or id" onChange={setQ} /></div>
        <Loaded query={query}>
          {(page) => (
            <>
              <ul className="plain scope-list" aria-label="Resources">
                {page.items.map((row) => (
                  <li key={row.id}>
                    <button type="button" disabled={loading.isPending} onClick={() => loading.mutate(row.id)} title={row.id}>
                      <BoxMultiple20Regular aria-hidden /><span className="clip">{row.name || row.id}</span><span className="small muted">{row.type}</span>
                    </button>
                  </li>
                ))}
              </ul>
              <p className="small muted" aria-live="polite">{page.items.length === 0 ? "No resource matches." : page.total > page.items.length ? `${page.items.length} of ${formatCount(page.total)}: search for the others.` : plural(page.total, "resource")}</p>
            </>
          )}
        </Loaded>
        <p className="small muted">Fields that could not be read are left out, and a rule takes them as not set.</p>
        {loading.error && <MessageBar intent="error"><MessageBarBody>{sentence(loading.error.message)}</MessageBarBody></MessageBar>}
      </DialogContent>
      <DialogActions><DialogTrigger disableButtonEnhancement><Button>Cancel</Button></DialogTrigger></DialogActions>
    </DialogBody>
  );
}
