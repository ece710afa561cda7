import { Component, type ReactNode } from "react";

/** A defect in one page must not leave an empty window. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: Error }> {
  state: { error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <div className="state-note" role="alert">
        <h2>The console met a defect</h2>
        <p>{error.message}</p>
        <p><a href="/">Reload the console</a>. If it happens again, report this text.</p>
      </div>
    );
  }
}
