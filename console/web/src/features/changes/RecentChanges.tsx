import { Link } from "react-router";
import { useChanges } from "../../api/queries";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { ChangeTable } from "./ChangeTable";
import { useTitles } from "./useTitles";

/** What a person wants to see first; the rest has its own page. */
const SHOWN = 5;

export function RecentChanges() {
  const query = useChanges();
  const titles = useTitles();
  return (
    <section className="card flush" aria-label="Latest changes">
      <div className="card-head">
        <h2>Latest changes</h2>
        <Link to="/changes">All changes</Link>
      </div>
      <Loaded query={query} rows={3}>
        {(changes) => changes.length === 0
          ? <EmptyNote title="Nothing has changed yet"><p>A change is a verdict that differs from that of the assessment before.</p></EmptyNote>
          : <ChangeTable changes={changes.slice(0, SHOWN)} titles={titles} />}
      </Loaded>
    </section>
  );
}
