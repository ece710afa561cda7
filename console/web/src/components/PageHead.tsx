import type { ReactNode } from "react";
import { Link } from "react-router";
import { useTitle } from "../lib/useTitle";

interface Crumb {
  to: string;
  text: string;
}

export function PageHead({ title, tabTitle, lead, crumb, actions }: { title: ReactNode; tabTitle: string; lead?: ReactNode; crumb?: Crumb; actions?: ReactNode }) {
  useTitle(tabTitle);
  return (
    <header className="page-head">
      <div>
        {crumb && (
          <nav className="crumbs" aria-label="Path">
            <Link to={crumb.to}>{crumb.text}</Link>
            <span aria-hidden>›</span>
          </nav>
        )}
        <h1>{title}</h1>
        {lead && <div className="lead">{lead}</div>}
      </div>
      {actions && <div className="row">{actions}</div>}
    </header>
  );
}
