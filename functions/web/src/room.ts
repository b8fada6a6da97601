import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { SessionView } from '../../src/api/views/common.ts';
import type { Action } from './actions/action.ts';
import type { Api } from './api/client.ts';

/** What every screen has at hand. */
export interface Room {
  readonly api: Api;
  readonly session: SessionView;
  /** Fires `change` when an action of this page has changed something. */
  readonly changes: EventTarget;
  /** Opens the dialog of an operation. It stands beside the screen: what it decides may take its button away. */
  open(action: Action): void;
  /** The API has refused the token for good. */
  onSignedOut(): void;
}

export const RoomContext = createContext<Room | undefined>(undefined);

/** @throws Error outside of a signed-in page */
export function useRoom(): Room {
  const room = useContext(RoomContext);
  if (!room) throw new Error('no room: this component stands outside of the signed-in page');
  return room;
}

/** Whether the person may decide; whoever may not is shown no controls. */
export const useIsOperator = (): boolean => useRoom().session.role === 'operator';
