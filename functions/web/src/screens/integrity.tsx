import { useState } from 'preact/hooks';
import type { ReportView } from '../../../src/api/views/integrity.ts';
import { ActionButton } from '../actions/actionButton.tsx';
import { goOnPastBrake, reconcile, verify } from '../actions/catalogue.ts';
import type { Problem } from '../api/problem.ts';
import { usePages } from '../api/usePages.ts';
import { useView } from '../api/useView.ts';
import { count, counted, share, words } from '../format.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { List } from '../parts/list.tsx';
import { Empty, Loading, ProblemNotice } from '../parts/notice.tsx';
import { Plot } from '../parts/plot.tsx';
import { saveFile } from '../parts/saveFile.ts';
import { Screen } from '../parts/screen.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import { useRoom } from '../room.ts';
import { linkTo } from '../route.ts';

const findingsOf = (report: ReportView) => Object.values(report.findings).reduce((sum, found) => sum + found, 0);

const columns: readonly Column<ReportView>[] = [
  { title: 'Started', kind: 'time', cell: (report) => <Time at={report.startedAt} /> },
  {
    title: 'Report',
    kind: 'main',
    cell: (report) => (
      <a href={linkTo(['integrity', report.id])} title={report.id}>
        {report.type} <span class="muted">{report.mode}</span>
      </a>
    ),
  },
  {
    title: 'Status',
    kind: 'short',
    cell: (report) => <Status value={report.brake ? 'braked' : report.status} />,
  },
  { title: 'Findings', kind: 'number', cell: (report) => count(findingsOf(report)) },
  { title: 'Projects', kind: 'number', from: 'medium', cell: (report) => count(report.projects) },
  { title: 'By', from: 'wide', cell: (report) => <span title={report.reason ?? ''}>{report.initiator}</span> },
];

const collectionColumns: readonly Column<ReportView['collections'][number]>[] = [
  { title: 'Collection', kind: 'main', cell: ({ name }) => name },
  { title: 'Assets', kind: 'number', cell: ({ assets }) => (assets === null ? '–' : count(assets)) },
  { title: 'In step', kind: 'number', cell: ({ inStep }) => (inStep === null ? '–' : share(inStep)) },
  { title: 'Checksums', kind: 'short', from: 'medium', cell: ({ checksums }) => <Status value={checksums} /> },
];

const exampleColumns: readonly Column<ReportView['examples'][number]>[] = [
  { title: 'Kind', kind: 'short', cell: ({ kind }) => words(kind) },
  {
    title: 'Project',
    kind: 'main',
    cell: ({ projectId }) => <a href={linkTo(['projects', projectId])}>{projectId}</a>,
  },
  { title: 'Asset', from: 'medium', cell: ({ path }) => <span title={path}>{path}</span> },
  { title: 'Detail', from: 'wide', cell: ({ detail }) => <span title={detail}>{detail}</span> },
];

const keyOf = (report: ReportView) => report.id;

/** The last looks at everything, and their trend. */
export function Integrity() {
  const pages = usePages<ReportView>('/reports', keyOf);
  const items = pages.items ?? [];
  const newest = items.find((report) => report.finishedAt !== null);
  const actions = (
    <>
      <ActionButton action={verify} />
      <ActionButton action={reconcile} />
    </>
  );
  return (
    <Screen title="Integrity" actions={actions}>
      {newest && <Newest report={newest} />}
      {items.length > 1 && <Trend reports={items} />}
      <section aria-labelledby="reports">
        <h2 id="reports">Reports</h2>
        <List
          label="Reports"
          pages={pages}
          columns={columns}
          keyOf={keyOf}
          empty={
            <Empty title="No report">
              No reconciliation or verification has finished yet, so nobody has compared everything. Start one.
            </Empty>
          }
        />
      </section>
    </Screen>
  );
}

function Newest({ report }: { readonly report: ReportView }) {
  return (
    <section aria-labelledby="newest">
      <h2 id="newest">
        Newest: <a href={linkTo(['integrity', report.id])}>{report.type}</a>, <Time at={report.startedAt} />
      </h2>
      {report.brake && <BrakeNotice brake={report.brake} />}
      {report.collections.length > 0 && (
        <Table label="In step by collection" rows={report.collections} columns={collectionColumns} keyOf={nameOf} />
      )}
    </section>
  );
}

const nameOf = ({ name }: { readonly name: string }) => name;

function Trend({ reports }: { readonly reports: readonly ReportView[] }) {
  const finished = reports.filter((report) => report.finishedAt !== null).toReversed();
  return (
    <Plot
      title={`Findings of the last ${counted(finished.length, 'report')}`}
      at={finished.map((report) => report.startedAt)}
      lines={[{ name: 'findings', values: finished.map(findingsOf), colour: 3, bars: true }]}
      format={count}
    />
  );
}

function BrakeNotice({ brake }: { readonly brake: NonNullable<ReportView['brake']> }) {
  return (
    <div class="notice warn">
      <strong>The brake “{words(brake.kind)}” stopped it; nothing was deleted after it</strong>
      <p>{brake.saw}</p>
      <p>{brake.goOn}</p>
      {brake.allow && <ActionButton action={goOnPastBrake(brake.allow)} />}
    </div>
  );
}

const formats = ['json', 'csv', 'html'] as const;

/** One report: its permalink. */
export function Report({ id }: { readonly id: string }) {
  const { api } = useRoom();
  const path = `/reports/${encodeURIComponent(id)}`;
  const { value: report, problem } = useView<ReportView>(path);
  const [failed, setFailed] = useState<Problem>();
  const download = async (format: string) => {
    const answer = await api.download(`${path}?format=${format}`);
    if (answer.kind === 'ok') saveFile(answer.value, `${id}.${format}`);
    setFailed(answer.kind === 'problem' ? answer.problem : undefined);
  };
  const actions =
    report &&
    formats.map((format) => (
      <button key={format} type="button" onClick={() => void download(format)}>
        Save as {format.toUpperCase()}
      </button>
    ));
  return (
    <Screen title={`Report ${id}`} above={<a href={linkTo(['integrity'])}>All reports</a>} actions={actions}>
      {problem && <ProblemNotice problem={problem} />}
      {failed && <ProblemNotice problem={failed} />}
      {!report && !problem && <Loading />}
      {report && <Details report={report} />}
    </Screen>
  );
}

function Details({ report }: { readonly report: ReportView }) {
  return (
    <>
      {report.brake && <BrakeNotice brake={report.brake} />}
      <div class="cards">
        <section class="card" aria-labelledby="run">
          <h2 id="run">Run</h2>
          <Facts>
            <Fact name="Type">
              {report.type}, {report.mode}
            </Fact>
            <Fact name="Status">
              <Status value={report.brake ? 'braked' : report.status} />
            </Fact>
            <Fact name="Started">
              <Time at={report.startedAt} />
            </Fact>
            <Fact name="Finished">
              <Time at={report.finishedAt} />
            </Fact>
            <Fact name="Initiator">{report.initiator}</Fact>
            <Fact name="Reason">{report.reason ?? '–'}</Fact>
            <Fact name="Projects">{count(report.projects)}</Fact>
            <Fact name="Job">
              <a href={linkTo(['jobs', report.id])}>{report.id}</a>
            </Fact>
          </Facts>
        </section>
        <section class="card" aria-labelledby="findings">
          <h2 id="findings">Findings</h2>
          {findingsOf(report) === 0 && <p class="muted">None: all that was compared is in step.</p>}
          <Facts>
            {Object.entries(report.findings).map(([name, found]) => (
              <Fact key={name} name={words(name)}>
                {count(found)}
              </Fact>
            ))}
          </Facts>
        </section>
        <section class="card" aria-labelledby="details">
          <h2 id="details">Counted</h2>
          {report.details.length === 0 && <p class="muted">Nothing else.</p>}
          <Facts>
            {report.details.map(({ name, value }) => (
              <Fact key={name} name={name}>
                {typeof value === 'number' ? count(value) : value}
              </Fact>
            ))}
          </Facts>
        </section>
      </div>
      <section aria-labelledby="collections">
        <h2 id="collections">Collections</h2>
        <Table label="In step by collection" rows={report.collections} columns={collectionColumns} keyOf={nameOf} />
      </section>
      <section aria-labelledby="examples">
        <h2 id="examples">Examples</h2>
        {report.examples.length === 0 ? (
          <Empty title="No example">It found nothing to show.</Empty>
        ) : (
          <Table
            label="Examples of findings"
            rows={report.examples}
            columns={exampleColumns}
            keyOf={({ kind, projectId, path, detail }) => JSON.stringify([kind, projectId, path, detail])}
          />
        )}
      </section>
    </>
  );
}
