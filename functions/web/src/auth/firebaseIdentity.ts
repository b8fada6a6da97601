// The one module that brings the Auth library: it is loaded beside the page, not with it.
import { initializeApp } from '@firebase/app';
import {
  browserLocalPersistence,
  browserPopupRedirectResolver,
  connectAuthEmulator,
  GoogleAuthProvider,
  getIdToken,
  indexedDBLocalPersistence,
  initializeAuth,
  onAuthStateChanged,
  signInWithEmailAndPassword,
  signInWithPopup,
  signOut,
} from '@firebase/auth';
import { localAccounts, localPassword } from '../../../local/servers/auth/accounts.ts';
import type { Identity, SignInWay } from './identity.ts';
import type { AuthSettings } from './settings.ts';

/** Signs in with Firebase Authentication, or with an emulator by choosing a role. */
export function createFirebaseIdentity({ app, emulator }: AuthSettings): Identity {
  const auth = initializeAuth(initializeApp(app), {
    persistence: [indexedDBLocalPersistence, browserLocalPersistence],
    ...(emulator === undefined && { popupRedirectResolver: browserPopupRedirectResolver }),
  });
  if (emulator !== undefined) connectAuthEmulator(auth, emulator, { disableWarnings: true });
  return {
    follow: (onChange) => onAuthStateChanged(auth, (user) => onChange(user !== null)),
    async token(fresh) {
      if (!auth.currentUser) throw new Error('nobody is signed in');
      return getIdToken(auth.currentUser, fresh);
    },
    signOut: () => signOut(auth),
    ways: emulator === undefined ? firebaseWays() : localWays(),
  };

  function firebaseWays(): SignInWay[] {
    return [
      { kind: 'google', signIn: async () => void (await signInWithPopup(auth, new GoogleAuthProvider())) },
      {
        kind: 'password',
        signIn: async (email, password) => void (await signInWithEmailAndPassword(auth, email, password)),
      },
    ];
  }

  function localWays(): SignInWay[] {
    return localAccounts.map(({ email, role }) => ({
      kind: 'role',
      role: role ?? 'somebody without a role',
      signIn: async () => void (await signInWithEmailAndPassword(auth, email, localPassword)),
    }));
  }
}
