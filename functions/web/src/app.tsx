import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import type { SessionView } from '../../src/api/views/common.ts';
import type { Action } from './actions/action.ts';
import { ActionDialog } from './actions/actionDialog.tsx';
import { createApi } from './api/client.ts';
import { withPatience } from './api/patience.ts';
import type { Problem } from './api/problem.ts';
import type { Identity } from './auth/identity.ts';
import { Loading, ProblemNotice } from './parts/notice.tsx';
import { type Room, RoomContext } from './room.ts';
import { SignIn } from './screens/signIn.tsx';
import { Shell } from './shell.tsx';

/** From nobody to a person with a role. */
type Entry =
  | { readonly at: 'starting' }
  | { readonly at: 'door'; readonly note?: string }
  | { readonly at: 'refused'; readonly problem: Problem }
  | { readonly at: 'inside'; readonly session: SessionView };

const ended = 'Your sign-in has ended or was revoked. Sign in again.';

const doorAfter = (before: Entry): Entry => ({ at: 'door', ...(before.at === 'inside' && { note: ended }) });

/** The page: the door, and behind it the room. */
export function App({ identity }: { readonly identity: Identity }) {
  const [entry, setEntry] = useState<Entry>({ at: 'starting' });
  const [action, setAction] = useState<Action>();
  const api = useMemo(
    () =>
      createApi({ token: (fresh) => identity.token(fresh), fetch: withPatience((...request) => fetch(...request)) }),
    [identity],
  );

  const enter = useCallback(async () => {
    const answer = await api.get<SessionView>('/session');
    if (answer.kind === 'ok') setEntry({ at: 'inside', session: answer.value });
    else if (answer.kind === 'problem') setEntry({ at: 'refused', problem: answer.problem });
  }, [api]);

  useEffect(
    () =>
      identity.follow((isSignedIn) => {
        if (isSignedIn) void enter();
        // Whoever signs out stands at the door already; all others were signed out.
        else setEntry((before) => (before.at === 'door' ? before : doorAfter(before)));
      }),
    [identity, enter],
  );

  const signOut = useCallback(
    async (note?: string) => {
      setEntry({ at: 'door', ...(note !== undefined && { note }) });
      await identity.signOut();
    },
    [identity],
  );

  const session = entry.at === 'inside' ? entry.session : undefined;
  const room = useMemo<Room | undefined>(
    () =>
      session && {
        api,
        session,
        changes: new EventTarget(),
        open: setAction,
        onSignedOut: () => void signOut(ended),
      },
    [api, session, signOut],
  );

  const closeAction = useCallback(() => {
    setAction(undefined);
    // The button that opened the dialog may be gone by its decision; the focus goes to the beginning of the screen
    // then.
    if (document.activeElement === document.body) document.querySelector<HTMLElement>('main h1')?.focus();
  }, []);

  // A dialog ends with the stay of whoever has opened it.
  useEffect(() => setAction(undefined), [session]);

  if (entry.at === 'starting') return <Loading />;
  if (entry.at === 'door') return <SignIn ways={identity.ways} note={entry.note} />;
  if (entry.at === 'refused') {
    return (
      <main class="sign-in">
        <h1>Lockstep</h1>
        <ProblemNotice problem={entry.problem} />
        <div class="buttons">
          <button type="button" onClick={() => void enter()}>
            Try again
          </button>
          <button type="button" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </main>
    );
  }
  return (
    <RoomContext.Provider value={room}>
      <Shell onSignOut={() => void signOut()} />
      {action && <ActionDialog action={action} onClose={closeAction} />}
    </RoomContext.Provider>
  );
}
