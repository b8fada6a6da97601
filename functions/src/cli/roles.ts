import type { Auth } from 'firebase-admin/auth';
import { roleSchema } from '../api/views/common.ts';
import { type Claims, roleOperations } from '../operations/roles.ts';
import { helpAfter, requiredVariable, runAsProcess, type TerminalCommand } from './command.ts';
import { decideAndSay } from './decisions/decideAndSay.ts';
import { type DecisionOptions, decisionOptions } from './decisions/decision.ts';
import { operationServices } from './decisions/operationServices.ts';
import { openFirestore } from './services.ts';

export interface RolesSettings extends DecisionOptions {
  readonly projectId: string;
  readonly kind: 'grant' | 'revoke';
  readonly email: string;
  readonly role: string;
}

const notes = `viewer sees everything in the operations room; operator also decides. Whoever has a role keeps the
one token it has for up to an hour for looking; decisions check at once. FIREBASE_AUTH_EMULATOR_HOST
names a local Authentication.

Exit code: 0 done; 1 an error; 2 a mistake in the command; 3 nothing was left to do; 4 you said no.`;

/** Grants and revokes the roles of the operations room. */
export const roles: TerminalCommand<RolesSettings> = {
  name: 'roles',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Who may see and decide in the operations room: a claim in Firebase Authentication.')
      .addHelpText('after', helpAfter(notes, 'unused'));
    for (const [kind, meaning] of [
      ['grant', 'give a role to an account'],
      ['revoke', 'take it away, and end the sessions of the account'],
    ] as const) {
      command
        .command(kind)
        .description(meaning)
        .argument('<email>', 'of an account that has signed in')
        .argument('<role>', 'viewer or operator')
        .option(...decisionOptions.reason)
        .option(...decisionOptions.as)
        .option(...decisionOptions.yes)
        .action((email, role, { reason, as, yes = false }) =>
          accept({ projectId: requiredVariable(env, 'GCLOUD_PROJECT'), kind, email, role, reason, as, yes }),
        );
    }
  },
  async run(settings, terminal) {
    const { kind, email, role, projectId } = settings;
    const firestore = await openFirestore(terminal, projectId);
    const { getAuth } = await import('firebase-admin/auth');
    const operations = roleOperations(createClaims(getAuth()));
    return decideAndSay(
      operationServices(terminal, firestore),
      {
        ...settings,
        operation: operations[kind],
        input: { email, role },
        question: () => (kind === 'grant' ? `Make ${email} ${role}?` : `Take ${role} from ${email}?`),
      },
      terminal,
    );
  },
};

/** Roles as custom claims of Firebase Authentication: https://firebase.google.com/docs/auth/admin/custom-claims */
export function createClaims(auth: Auth): Claims {
  return {
    async find(email) {
      try {
        const { uid, customClaims, emailVerified: isVerified } = await auth.getUserByEmail(email);
        const role = roleSchema.safeParse(customClaims?.lockstep);
        return { uid, role: role.success ? role.data : null, isVerified };
      } catch (error) {
        if (isNobody(error)) return undefined;
        throw error;
      }
    },
    async set(uid, role) {
      const { lockstep: _before, ...others } = (await auth.getUser(uid)).customClaims ?? {};
      await auth.setCustomUserClaims(uid, role === null ? others : { ...others, lockstep: role });
      await auth.revokeRefreshTokens(uid);
    },
  };
}

function isNobody(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'auth/user-not-found';
}

if (import.meta.main) await runAsProcess(roles);
