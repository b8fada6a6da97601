import { useState } from 'preact/hooks';
import type { AuditEntryView, AuditView } from '../../../src/api/views/audit.ts';
import { withQuery } from '../api/client.ts';
import type { Problem } from '../api/problem.ts';
import { usePages } from '../api/usePages.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { Filters } from '../parts/filters.tsx';
import { List } from '../parts/list.tsx';
import { Empty, ProblemNotice } from '../parts/notice.tsx';
import { saveFile } from '../parts/saveFile.ts';
import { Screen } from '../parts/screen.tsx';
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { useRoom } from '../room.ts';
import { linkTo, type Route } from '../route.ts';

const columns: readonly Column<AuditEntryView>[] = [
  {
    title: 'Entry',
    kind: 'short',
    cell: (entry) => <a href={linkTo(['audit', String(entry.sequence)])}>{entry.sequence}</a>,
  },
  { title: 'Action', kind: 'main', cell: (entry) => <span title={entry.result}>{entry.action}</span> },
  { title: 'Target', from: 'medium', cell: (entry) => <span title={entry.target}>{entry.target}</span> },
  { title: 'Actor', cell: (entry) => <span title={`${entry.actor}, ${entry.role}, ${entry.via}`}>{entry.actor}</span> },
  { title: 'Reason', from: 'wide', cell: (entry) => <span title={entry.reason}>{entry.reason}</span> },
  { title: 'Time', kind: 'time', from: 'medium', cell: (entry) => <Time at={entry.at} /> },
];

const keyOf = (entry: AuditEntryView) => String(entry.sequence);

/** Who did what and why; one entry may be opened by its number. */
export function Audit({ route, openSequence }: { readonly route: Route; readonly openSequence?: string | undefined }) {
  const [actor, action, target] = ['actor', 'action', 'target'].map((name) => route.query.get(name) ?? '');
  const pages = usePages<AuditEntryView, AuditView>(withQuery('/audit', { actor, action, target }), keyOf);
  const opened = pages.items?.find((entry) => keyOf(entry) === openSequence);
  return (
    <Screen title="Audit" actions={<Export />}>
      {pages.first && <Verified audit={pages.first} />}
      <Filters
        route={route}
        filters={[
          { name: 'actor', label: 'Actor' },
          { name: 'action', label: 'Action' },
          { name: 'target', label: 'Target' },
        ]}
      />
      {opened && <Opened entry={opened} />}
      {openSequence !== undefined && !opened && pages.items && (
        <div class="notice warn">
          <strong>Entry {openSequence} is not among those below</strong>
          <p>Load more to come to it; the newest are first.</p>
        </div>
      )}
      <List
        label="Audit"
        pages={pages}
        columns={columns}
        keyOf={keyOf}
        isCurrent={(entry) => keyOf(entry) === openSequence}
        empty={
          <Empty title="No entry">
            {actor || action || target
              ? 'No entry matches the filter.'
              : 'Nobody has decided anything yet, and no schedule has changed anything.'}
          </Empty>
        }
      />
    </Screen>
  );
}

function Verified({ audit: { verifiedTo, problem } }: { readonly audit: AuditView }) {
  if (problem !== null || verifiedTo === null) {
    return (
      <div class="notice bad" role="alert">
        <strong>The chain of the audit is broken</strong>
        <p>{problem ?? 'It could not be verified.'}</p>
        <p>Run npm --prefix functions run audit -- verify, and compare with the anchors in the log.</p>
      </div>
    );
  }
  return (
    <p>
      <span class="status good">verified</span> up to entry {verifiedTo}: each carries the hash of the one before it.
    </p>
  );
}

function Export() {
  const { api } = useRoom();
  const [problem, setProblem] = useState<Problem>();
  const download = async () => {
    const answer = await api.download('/audit/export');
    if (answer.kind === 'ok') saveFile(answer.value, 'audit.jsonl');
    setProblem(answer.kind === 'problem' ? answer.problem : undefined);
  };
  return (
    <>
      <button type="button" onClick={() => void download()}>
        Export
      </button>
      {problem && <ProblemNotice problem={problem} />}
    </>
  );
}

function Opened({ entry }: { readonly entry: AuditEntryView }) {
  return (
    <section class="card" aria-labelledby="entry">
      <h2 id="entry">
        Entry {entry.sequence}: {entry.action}
      </h2>
      <Facts>
        <Fact name="Target">{entry.target}</Fact>
        <Fact name="Actor">
          {entry.actor}, {entry.role}, by {entry.via}
        </Fact>
        <Fact name="Time">
          <Time at={entry.at} />
        </Fact>
        <Fact name="Reason">{entry.reason}</Fact>
        <Fact name="Result">{entry.result}</Fact>
        <Fact name="Hash">
          <code>{entry.hash}</code>
        </Fact>
        <Fact name="Hash before">
          <code>{entry.previous}</code>
        </Fact>
      </Facts>
      <h3>Before</h3>
      <pre>{JSON.stringify(entry.before, null, 2)}</pre>
      <h3>After</h3>
      <pre>{JSON.stringify(entry.after, null, 2)}</pre>
    </section>
  );
}
