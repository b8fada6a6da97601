// The chain of the audit: attacks I12, "whoever changes what was done is found out". Pure.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalJson, type Json } from '../../src/audit/canonicalJson.ts';
import { createChainCheck, endProblem } from '../../src/audit/chain.ts';
import {
  type AuditEntry,
  type AuditHead,
  auditEntryData,
  auditEntryId,
  emptyHead,
  entryAfter,
  hashOf,
  parseAuditEntry,
} from '../../src/audit/entry.ts';

const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 5 }), tie('value'), { maxKeys: 3 }),
  ),
})).value;

const facts = fc.record({
  at: fc.nat(),
  actor: fc.string(),
  role: fc.constantFrom('viewer', 'operator'),
  via: fc.constantFrom('api' as const, 'terminal' as const, 'schedule' as const),
  action: fc.string(),
  target: fc.string(),
  reason: fc.string(),
  before: json,
  after: json,
  result: fc.string(),
});

interface Stored {
  readonly id: string;
  readonly data: Record<string, unknown>;
}

/** A chain as Firestore keeps it, and its head. */
const chains = fc.array(facts, { minLength: 2, maxLength: 8 }).map((list) => {
  let head: AuditHead = emptyHead;
  const documents = list.map((one): Stored => {
    const entry = entryAfter(head, one);
    head = entry;
    return { id: auditEntryId(entry.sequence), data: auditEntryData(entry) };
  });
  return { documents, head: { sequence: head.sequence, hash: head.hash } };
});

/** What a verification finds; undefined when all is well. */
function problemOf(documents: readonly Stored[], head: AuditHead, anchor?: AuditHead): string | undefined {
  const check = createChainCheck();
  for (const { id, data } of documents) {
    const followed = check.follow(id, data);
    if ('problem' in followed) return followed.problem;
  }
  return endProblem(check.head(), head, anchor);
}

function entryOf({ data }: Stored): AuditEntry {
  const parsed = parseAuditEntry(data);
  assert.ok(parsed.ok);
  return parsed.entry;
}

const chainAndPlace = chains.chain((chain) =>
  fc.record({ chain: fc.constant(chain), place: fc.nat({ max: chain.documents.length - 1 }) }),
);

describe('chain of the audit', () => {
  it('an untouched chain is in order, and what is read is what was written', () => {
    fc.assert(
      fc.property(chains, ({ documents, head }) => {
        assert.equal(problemOf(documents, head, head), undefined);
        for (const document of documents) assert.deepEqual(auditEntryData(entryOf(document)), document.data);
      }),
    );
  });

  it('finds any field of any entry that was changed, removed or added', () => {
    const change = fc.oneof(json, fc.string(), fc.integer());
    fc.assert(
      fc.property(
        chainAndPlace,
        fc.constantFrom(...Object.keys(auditEntryData(entryAfter(emptyHead, sample))), 'added'),
        fc.option(change, { nil: undefined }),
        ({ chain: { documents, head }, place }, field, value) => {
          const before = documents[place];
          assert.ok(before);
          fc.pre(value !== before.data[field]);
          const { [field]: _removed, ...rest } = before.data;
          const data = value === undefined ? rest : { ...rest, [field]: value };
          fc.pre(field !== 'added' || value !== undefined);
          assert.notEqual(problemOf(documents.with(place, { ...before, data }), head), undefined);
        },
      ),
    );
  });

  it('finds a changed entry that was given the hash that fits', () => {
    fc.assert(
      fc.property(chainAndPlace, fc.string(), ({ chain: { documents, head }, place }, actor) => {
        const before = documents[place];
        assert.ok(before);
        const entry = { ...entryOf(before), actor };
        fc.pre(actor !== entryOf(before).actor);
        const forged = { ...before, data: auditEntryData({ ...entry, hash: hashOf(entry) }) };
        assert.notEqual(problemOf(documents.with(place, forged), head), undefined);
      }),
    );
  });

  it('finds an entry that was removed, also when the others close up', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ chain: { documents, head }, place }) => {
        const left = documents.toSpliced(place, 1);
        assert.notEqual(problemOf(left, head), undefined);
        const renumbered = left.map(({ data }, index) => ({
          id: auditEntryId(index + 1),
          data: { ...data, sequence: index + 1 },
        }));
        assert.notEqual(problemOf(renumbered, { ...head, sequence: left.length }), undefined);
      }),
    );
  });

  it('finds two entries that were swapped, with their ids or without', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ chain: { documents, head }, place }) => {
        const other = (place + 1) % documents.length;
        const [a, b] = [documents[place], documents[other]];
        assert.ok(a && b);
        assert.notEqual(problemOf(documents.with(place, b).with(other, a), head), undefined);
        const swapped = documents.with(place, { ...a, data: b.data }).with(other, { ...b, data: a.data });
        assert.notEqual(problemOf(swapped, head), undefined);
      }),
    );
  });

  it('finds an entry that was inserted', () => {
    fc.assert(
      fc.property(chainAndPlace, facts, ({ chain: { documents, head }, place }, inserted) => {
        const before = documents[place];
        assert.ok(before);
        const entry = entryAfter(entryOf(before), inserted);
        const forged = { id: auditEntryId(entry.sequence), data: auditEntryData(entry) };
        const chain = documents.toSpliced(place + 1, place + 1 < documents.length ? 1 : 0, forged);
        assert.notEqual(problemOf(chain, head), undefined);
        assert.notEqual(problemOf(documents.toSpliced(place + 1, 0, forged), head), undefined);
      }),
    );
  });

  it('finds a cut end by the head, and where the head was cut with it, by the anchor', () => {
    fc.assert(
      fc.property(chainAndPlace, ({ chain: { documents, head }, place }) => {
        const left = documents.slice(0, place);
        const last = left.at(-1);
        const cutHead = last === undefined ? emptyHead : entryOf(last);
        assert.notEqual(problemOf(left, head), undefined);
        assert.equal(problemOf(left, cutHead), undefined);
        assert.match(problemOf(left, cutHead, head) ?? '', /anchor/);
      }),
    );
  });

  it('canonical JSON is the same for the same value, whatever the order of its names', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = canonicalJson(value);
        assert.equal(canonicalJson(reversed(value)), text);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

const sample = {
  at: 0,
  actor: 'a',
  role: 'operator',
  via: 'terminal' as const,
  action: 'pause',
  target: 'relay',
  reason: 'r',
  before: null,
  after: null,
  result: 'paused',
};

/** The same value with its names in another order. */
function reversed(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}
