import { linesOf } from '../format.ts';

/** Entries of a list that are shown; a project may have a thousand members. */
const mostLines = 20;

/** The value of a copied field, which may be a list or a map: an entry a line. */
export function CopiedValue({ value }: { readonly value: unknown }) {
  const lines = linesOf(value);
  if (typeof value !== 'object' || value === null) return <>{lines[0]}</>;
  if (lines.length === 0) return <span class="muted">empty</span>;
  return (
    <ul class="lines">
      {lines.slice(0, mostLines).map((line, index) => (
        <li key={`${index} ${line}`}>{line}</li>
      ))}
      {lines.length > mostLines && <li class="muted">and {lines.length - mostLines} more</li>}
    </ul>
  );
}
