import type { OutcomeView, PreviewView } from '../../../src/api/views/operations.ts';
import type { Problem } from '../api/problem.ts';

/** Where the way from a click to an effect is: form -> preview -> decision -> effect. */
export type Step =
  | { readonly at: 'form'; readonly problem?: Problem }
  | { readonly at: 'previewing' }
  | { readonly at: 'decision'; readonly preview: PreviewView; readonly problem?: Problem }
  | { readonly at: 'acting'; readonly preview: PreviewView }
  | { readonly at: 'done'; readonly outcome: OutcomeView };

/** Whether what was typed allows to go on: of more than ten the count has to be repeated. */
export function isConfirmed({ needsConfirmation, count }: PreviewView, typed: string): boolean {
  return !needsConfirmation || typed.trim() === String(count);
}
