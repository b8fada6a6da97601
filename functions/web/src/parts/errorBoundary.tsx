import { Component, type ComponentChildren } from 'preact';

interface State {
  readonly error?: string;
}

/** What a defect of one screen leaves of it: the navigation stays, and the defect is named. */
export class ErrorBoundary extends Component<{ readonly children: ComponentChildren }, State> {
  static override getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    if (this.state.error === undefined) return <>{this.props.children}</>;
    return (
      <div class="notice bad" role="alert">
        <strong>This screen has failed</strong>
        <p>{this.state.error}</p>
        <p>Reload the page. If it stays, report it; the same operations are commands in a terminal.</p>
      </div>
    );
  }
}
