import { useIsOperator, useRoom } from '../room.ts';
import type { Action } from './action.ts';

interface ActionButtonProps {
  readonly action: Action;
  /** A shorter word where the place says the rest. */
  readonly word?: string;
  readonly isDisabled?: boolean;
}

/** Opens the dialog of an operation. A viewer sees it only for questions. */
export function ActionButton({ action, word, isDisabled = false }: ActionButtonProps) {
  const isOperator = useIsOperator();
  const { open } = useRoom();
  if (!isOperator && !action.isQuestion) return null;
  return (
    <button
      type="button"
      class={action.isDangerous ? 'dangerous' : ''}
      disabled={isDisabled}
      data-operation={action.operation}
      onClick={() => open(action)}
    >
      {word ?? action.label}…
    </button>
  );
}
