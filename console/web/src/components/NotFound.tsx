import { Link } from "react-router";
import { EmptyNote } from "./PageStates";
import { PageHead } from "./PageHead";

export function NotFound() {
  return (
    <div className="page">
      <PageHead title="Page not found" tabTitle="Page not found" />
      <div className="card">
        <EmptyNote title="There is no page at this address"><p><Link to="/">Go to the overview</Link></p></EmptyNote>
      </div>
    </div>
  );
}
