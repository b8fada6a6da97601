/** A way to sign in, as its button or form shows it. */
export type SignInWay =
  | { readonly kind: 'role'; readonly role: string; signIn(): Promise<void> }
  | { readonly kind: 'google'; signIn(): Promise<void> }
  | { readonly kind: 'password'; signIn(email: string, password: string): Promise<void> };

/** Who uses this browser. */
export interface Identity {
  /** Calls back with whether somebody is signed in: now, and whenever that changes; returns what ends that. */
  follow(onChange: (isSignedIn: boolean) => void): () => void;
  /** The ID token, renewed when it is about to run out or when a `fresh` one is asked for.
   *  @throws Error when nobody is signed in */
  token(fresh: boolean): Promise<string>;
  signOut(): Promise<void>;
  readonly ways: readonly SignInWay[];
}
