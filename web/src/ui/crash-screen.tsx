/** What is left when the app itself fails: say so, and offer the way out. */
import { Component, type ReactNode } from "react";

export class CrashScreen extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    return (
      <main className="empty min-h-dvh" role="alert">
        <h1 className="font-display text-2xl">The app has stumbled</h1>
        <p className="mt-2 max-w-md text-soft">
          That is a mistake of ours, not of yours. What you were writing is kept. ({error.message})
        </p>
        <button type="button" className="button button-strong mt-5" onClick={() => location.reload()}>
          Load it again
        </button>
      </main>
    );
  }
}
