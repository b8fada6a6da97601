import type { roles } from '../views/common.ts';

export type Role = (typeof roles)[number];

/** Who asks, as the verified token says. */
export interface Session {
  /** The verified e-mail address, or `uid:…`: what the audit keeps. */
  readonly actor: string;
  readonly role: Role;
  readonly uid: string;
}

/** What a token came to. */
export type Verdict =
  | { readonly kind: 'session'; readonly session: Session }
  /** Not a token of somebody of this installation, or no longer. `why` says what to do next. */
  | { readonly kind: 'not-signed-in'; readonly why: string }
  /** Somebody, without a role. */
  | { readonly kind: 'no-role'; readonly why: string };

/** Verifies tokens. */
export interface Identity {
  /** `forChange`: whether the token was revoked, the account disabled or its role taken away since is asked as well.
   *  @throws what the identity service failed with */
  verify(token: string, options: { readonly forChange: boolean }): Promise<Verdict>;
}

const ranks: Readonly<Record<Role, number>> = { viewer: 0, operator: 1 };

/** Whether a role may do what another one may. */
export function includes(role: Role, needed: Role): boolean {
  return ranks[role] >= ranks[needed];
}
