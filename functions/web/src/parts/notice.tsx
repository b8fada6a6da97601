import type { ComponentChildren } from 'preact';
import type { Problem } from '../api/problem.ts';

/** What went wrong and what to do next. */
export function ProblemNotice({ problem }: { readonly problem: Problem }) {
  return (
    <div class="notice bad" role="alert">
      <strong>{problem.title}</strong>
      <p>{problem.detail}</p>
      {problem.fields.length > 0 && (
        <ul>
          {problem.fields.map(({ field, problem: what }) => (
            <li key={field}>
              <code>{field}</code>: {what}
            </li>
          ))}
        </ul>
      )}
      <p>{problem.next}</p>
    </div>
  );
}

/** An empty list, and what its emptiness means. */
export function Empty({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{title}</strong>
      <p>{children}</p>
    </div>
  );
}

export const Loading = () => (
  <p class="muted loading" aria-live="polite">
    Loading…
  </p>
);
