import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { OperationRequest, OutcomeView, PreviewView } from '../../../src/api/views/operations.ts';
import { count } from '../format.ts';
import { Fact, Facts } from '../parts/facts.tsx';
import { ProblemNotice } from '../parts/notice.tsx';
import { useRoom } from '../room.ts';
import { linkTo } from '../route.ts';
import { type Action, initialValues } from './action.ts';
import { FieldInput } from './fieldInput.tsx';
import { isConfirmed, type Step } from './progress.ts';

/** Longest reason that the audit keeps, in characters. */
const longestReason = 500;

/** Leads one operation from its form over its preview to its outcome. Nothing happens before the second click. */
export function ActionDialog({ action, onClose }: { readonly action: Action; onClose(): void }) {
  const { api, changes, onSignedOut } = useRoom();
  const [step, setStep] = useState<Step>({ at: 'form' });
  const [values, setValues] = useState(() => initialValues(action.fields ?? []));
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useLayoutEffect(() => dialog.current?.showModal(), []);
  useEffect(() => {
    // What the dialog was about is on another screen now.
    const close = () => dialog.current?.close();
    addEventListener('hashchange', close);
    return () => removeEventListener('hashchange', close);
  }, []);

  const request = (): OperationRequest => ({
    input: action.input(values),
    reason: action.isQuestion ? `asked: ${action.label}` : reason,
  });

  async function preview(): Promise<void> {
    setStep({ at: 'previewing' });
    const answer = await api.post<PreviewView>(`/operations/${action.operation}/preview`, request());
    if (answer.kind === 'ok') setStep({ at: 'decision', preview: answer.value });
    else if (answer.kind === 'problem') {
      if (answer.problem.status === 401) onSignedOut();
      setStep({ at: 'form', problem: answer.problem });
    }
  }

  async function act(seen: PreviewView): Promise<void> {
    setStep({ at: 'acting', preview: seen });
    const answer = await api.post<OutcomeView>(`/operations/${action.operation}`, {
      ...request(),
      ...(seen.needsConfirmation && { confirm: Number(typed) }),
    });
    if (answer.kind === 'ok') {
      setStep({ at: 'done', outcome: answer.value });
      changes.dispatchEvent(new Event('change'));
    } else if (answer.kind === 'problem') {
      if (answer.problem.status === 401) onSignedOut();
      setStep({ at: 'decision', preview: seen, problem: answer.problem });
    }
  }

  return (
    <dialog ref={dialog} aria-labelledby={title} onClose={onClose}>
      <h2 id={title}>{action.label}</h2>
      {(step.at === 'form' || step.at === 'previewing') && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void preview();
          }}
        >
          <p>{action.explains}</p>
          {action.fields?.map((field) => (
            <FieldInput
              key={field.name}
              field={field}
              value={values[field.name] ?? ''}
              onInput={(value) => setValues((before) => ({ ...before, [field.name]: value }))}
            />
          ))}
          {!action.isQuestion && <Reason value={reason} onInput={setReason} />}
          {step.at === 'form' && step.problem && <ProblemNotice problem={step.problem} />}
          <div class="buttons">
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="submit" class="primary" disabled={step.at === 'previewing'}>
              {step.at === 'previewing' ? 'Looking…' : 'Preview'}
            </button>
          </div>
        </form>
      )}
      {(step.at === 'decision' || step.at === 'acting') && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (isConfirmed(step.preview, typed)) void act(step.preview);
          }}
        >
          <Preview preview={step.preview} />
          {action.isQuestion ? (
            <p class="muted">Nothing was changed.</p>
          ) : (
            step.preview.needsConfirmation && (
              <Confirmation expected={step.preview.count} typed={typed} onInput={setTyped} />
            )
          )}
          {step.at === 'decision' && step.problem && <ProblemNotice problem={step.problem} />}
          <div class="buttons">
            <button type="button" onClick={() => setStep({ at: 'form' })}>
              Back
            </button>
            {action.isQuestion ? (
              <button type="button" class="primary" onClick={() => dialog.current?.close()}>
                Close
              </button>
            ) : (
              <button
                type="submit"
                class={action.isDangerous ? 'danger' : 'primary'}
                disabled={step.at === 'acting' || !isConfirmed(step.preview, typed)}
              >
                {step.at === 'acting' ? 'Working…' : action.label}
              </button>
            )}
          </div>
        </form>
      )}
      {step.at === 'done' && <Outcome outcome={step.outcome} onClose={() => dialog.current?.close()} />}
    </dialog>
  );
}

function Reason({ value, onInput }: { readonly value: string; onInput(value: string): void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Reason</label>
      <input
        id={id}
        name="reason"
        type="text"
        required
        pattern=".*\S.*"
        maxLength={longestReason}
        autoComplete="off"
        aria-describedby={`${id}-hint`}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <p id={`${id}-hint`} class="hint">
        Why you do this. It stands in the audit with your name.
      </p>
    </div>
  );
}

/** What would happen. It takes the focus, so that it is read before anything is decided. */
function Preview({ preview }: { readonly preview: PreviewView }) {
  const region = useRef<HTMLDivElement>(null);
  useEffect(() => region.current?.focus(), []);
  return (
    <div ref={region} tabIndex={-1} class="preview" data-testid="preview">
      <p>
        <span class="figure">{count(preview.count)}</span> {preview.what}
      </p>
      {preview.details.length > 0 && (
        <Facts>
          {preview.details.map(({ name, value }) => (
            <Fact key={name} name={name}>
              {typeof value === 'number' ? count(value) : value}
            </Fact>
          ))}
        </Facts>
      )}
    </div>
  );
}

interface ConfirmationProps {
  readonly expected: number;
  readonly typed: string;
  onInput(value: string): void;
}

function Confirmation({ expected, typed, onInput }: ConfirmationProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Type {expected} to confirm</label>
      <input
        id={id}
        name="confirm"
        type="text"
        inputMode="numeric"
        autoComplete="off"
        value={typed}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  );
}

function Outcome({ outcome, onClose }: { readonly outcome: OutcomeView; onClose(): void }) {
  const region = useRef<HTMLDivElement>(null);
  useEffect(() => region.current?.focus(), []);
  return (
    <>
      <div ref={region} tabIndex={-1} class="notice good" role="status" data-testid="outcome">
        <strong>{outcome.result}</strong>
        <p>
          {outcome.sequence === null ? (
            'Nothing was left to do, so nothing was written to the audit.'
          ) : (
            <a href={linkTo(['audit', String(outcome.sequence)])} onClick={onClose}>
              Audit entry {outcome.sequence}
            </a>
          )}
          {outcome.jobId !== null && (
            <>
              {' · '}
              <a href={linkTo(['jobs', outcome.jobId])} onClick={onClose}>
                Follow the job
              </a>
            </>
          )}
        </p>
      </div>
      <div class="buttons">
        <button type="button" class="primary" onClick={onClose}>
          Close
        </button>
      </div>
    </>
  );
}
