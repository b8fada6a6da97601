/** Who can sign in where no real account exists: one for each role, and one without. Known to the page's local sign-in
 *  as well, so nothing here may need Node. */
export const localAccounts = [
  { uid: 'local-operator', email: 'operator@lockstep.example', password: 'operator', role: 'operator' },
  { uid: 'local-viewer', email: 'viewer@lockstep.example', password: 'viewer', role: 'viewer' },
  { uid: 'local-stranger', email: 'stranger@lockstep.example', password: 'stranger', role: null },
] as const;
