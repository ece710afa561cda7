import { Button, Skeleton, SkeletonItem } from "@fluentui/react-components";
import { CloudDismiss32Regular, DocumentSearch32Regular } from "@fluentui/react-icons";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { sentence } from "../lib/format";

export function Loading({ rows = 6, what = "Loading" }: { rows?: number; what?: string }) {
  return (
    <div className="card" role="status" aria-label={what}>
      <Skeleton className="stack wide" aria-hidden>
        {Array.from({ length: rows }, (_, row) => (
          <SkeletonItem key={row} size={row === 0 ? 24 : 16} style={{ width: `${96 - ((row * 17) % 38)}%` }} />
        ))}
      </Skeleton>
    </div>
  );
}

function advice(error: Error): string {
  if (!(error instanceof ApiError)) return "Reload the page. If it happens again, look at the server's log.";
  if (error.code === "FeatureNotAvailable") return "This version of the server cannot do that yet. Update Skywarden.";
  if (error.status === 403) return "Ask who gives roles here for one that allows it.";
  if (error.status === 404) return "It may have been removed since this page was opened.";
  if (error.status === 0) return "";
  return error.status >= 500 ? "Try again. If it happens again, look at the server's log." : "Check what you asked for, then try again.";
}

/** Trying again gives the same answer. */
const isFinal = (error: Error): boolean => error instanceof ApiError && (error.status === 403 || error.status === 404);

function titleOf(error: Error): string {
  if (!isFinal(error)) return "This could not be loaded";
  return error instanceof ApiError && error.status === 403 ? "You may not see this" : "This is not here";
}

export function ErrorNote({ error, onRetry }: { error: Error; onRetry?: () => void }) {
  return (
    <div className="card state-note" role="alert">
      <CloudDismiss32Regular aria-hidden />
      <h2>{titleOf(error)}</h2>
      <p>{sentence(error.message)} {advice(error)}</p>
      {onRetry && !isFinal(error) && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

export function EmptyNote({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="state-note">
      <DocumentSearch32Regular aria-hidden />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

interface QueryLike<T> {
  data: T | undefined;
  error: Error | null;
  refetch: () => unknown;
}

/** The page of a query: a placeholder while it loads, the error with a way on, or the data. */
export function Loaded<T>({ query, rows, children }: { query: QueryLike<T>; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.error) return <ErrorNote error={query.error} onRetry={() => void query.refetch()} />;
  return <Loading rows={rows} />;
}
