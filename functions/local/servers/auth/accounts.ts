/** Who can sign in where no real account exists: one for each role, and one without. */
export const localAccounts = [
  { uid: 'local-operator', email: 'operator@example.com', role: 'operator' },
  { uid: 'local-viewer', email: 'viewer@example.com', role: 'viewer' },
  { uid: 'local-stranger', email: 'stranger@example.com', role: null },
] as const;

/** Of all of them. */
export const localPassword = 'lockstep';
