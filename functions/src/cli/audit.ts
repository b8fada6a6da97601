import { auditAnchorRef, parseAnchor, storedAnchor } from '../audit/anchor.ts';
import type { Anchor } from '../audit/chain.ts';
import { parseAuditEntry } from '../audit/entry.ts';
import { auditPages, auditSince, verifyAudit } from '../audit/verify.ts';
import { errorCodes, helpAfter, requiredVariable, runAsProcess, type TerminalCommand, UsageError } from './command.ts';
import { eachInTime, inTime, openFirestore } from './services.ts';

type Action =
  | { readonly kind: 'verify'; readonly anchor: Anchor | undefined }
  | { readonly kind: 'export'; readonly since: number | undefined };

export interface AuditSettings {
  readonly projectId: string;
  readonly action: Action;
}

/** How the command ends. */
export const exitCodes = { ...errorCodes, inOrder: 0, broken: 3 } as const;

const notes = `The relay logs the head of the chain once an hour ("the head of the audit", signal=audit-anchor,
with sequence and hash). A locked log bucket keeps these lines out of reach of whoever can write
Firestore: give one of them as --anchor. Without it, the last one that Firestore knows is used.
What this proves, and what it cannot: functions/docs/operations.md.

Exit code: 0 in order; 1 an error; 2 a mistake in the command; 3 the chain is broken.`;

/** Verifies and exports the audit. */
export const audit: TerminalCommand<AuditSettings> = {
  name: 'audit',
  saves: false,
  declare(command, accept, env) {
    command
      .description('Who did what, when and why: verifies that nothing of it was changed, and exports it.')
      .addHelpText('after', helpAfter(notes, 'unused'));
    const take = (action: Action) => accept({ projectId: requiredVariable(env, 'GCLOUD_PROJECT'), action });
    command
      .command('verify')
      .description('follow the chain from its first entry: one read per entry')
      .option('--anchor <sequence:hash>', 'an entry as the log has it')
      .action(({ anchor: text }) => {
        const anchor = text === undefined ? undefined : parseAnchor(text);
        if (text !== undefined && anchor === undefined) {
          throw new UsageError('--anchor: expected SEQUENCE:HASH, as the log line has them');
        }
        take({ kind: 'verify', anchor });
      });
    command
      .command('export')
      .description('print the entries, one JSON document a line')
      .option('--since <time>', 'only those since then, such as 2026-11-27 or 2026-11-27T12:00:00Z')
      .action(({ since: text }) => {
        const since = text === undefined ? undefined : Date.parse(text);
        if (Number.isNaN(since)) throw new UsageError('--since: expected a time, such as 2026-11-27T12:00:00Z');
        take({ kind: 'export', since });
      });
  },
  async run({ projectId, action }, terminal) {
    const firestore = await openFirestore(terminal, projectId);
    const wait = <T>(answer: Promise<T>) => inTime(terminal, answer);
    if (action.kind === 'verify') {
      const stored = action.anchor ?? storedAnchor((await wait(auditAnchorRef(firestore).get())).data());
      const verdict = await verifyAudit(
        { firestore, onPage: (sequence) => terminal.progress(`verified ${sequence}`) },
        stored,
      );
      if (!verdict.ok) {
        terminal.print(`BROKEN behind entry ${verdict.sequence}: ${verdict.problem}.`);
        return exitCodes.broken;
      }
      const { sequence, hash } = verdict.head;
      const against =
        stored === undefined
          ? 'no anchor was given'
          : `compared with anchor ${stored.sequence}${action.anchor === undefined ? ' of Firestore itself' : ''}`;
      terminal.print(`In order: ${sequence} entries, head ${hash}; ${against}.`);
      return exitCodes.inOrder;
    }
    let unreadable = 0;
    const pages = action.since === undefined ? auditPages({ firestore }) : auditSince({ firestore }, action.since);
    for await (const page of eachInTime(pages, wait)) {
      for (const document of page) {
        const parsed = parseAuditEntry(document.data());
        if (parsed.ok) terminal.print(JSON.stringify({ ...parsed.entry, at: new Date(parsed.entry.at).toISOString() }));
        else {
          unreadable += 1;
          terminal.warn(`${document.ref.path} is no entry (${parsed.problem}); run audit -- verify`);
        }
      }
    }
    return unreadable === 0 ? exitCodes.inOrder : exitCodes.broken;
  },
};

if (import.meta.main) await runAsProcess(audit);
