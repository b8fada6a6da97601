import { type Decision, decide } from '../../local/rules/decide.ts';
import { parseRules } from '../../local/rules/parse.ts';
import type { Method } from '../../local/rules/syntax.ts';
import type { DocumentData } from '../../local/rules/values.ts';
import type { Attempt, ClientRequest, ClientWrite, Equal, RulesEngine } from './engine.ts';

const root = '/databases/(default)/documents';

/** Names that no rule spells out, for queries: what holds for any document has to hold for this one. */
const anyDocument = 'any-document';
const anyParents = ['any-collection/any-parent/', ''];

/** Judges by the interpreter of this folder: no emulator needed.
 *  @throws RulesSyntaxError, UnsupportedRulesError for rules that it cannot read. */
export function createInterpreterEngine(rules: string): RulesEngine & { decisions(attempt: Attempt): Decision[] } {
  const ruleset = parseRules(rules);

  const decisions = (attempt: Attempt): Decision[] => {
    const before = new Map(Object.entries(attempt.given));
    const after = new Map(before);
    for (const write of writesOf(attempt.request)) apply(write, after);
    const documents = {
      read: (path: string, when: 'before' | 'after') =>
        (when === 'before' ? before : after).get(path.slice(root.length + 1)),
    };
    return touched(attempt.request, before).map(({ method, path }) =>
      decide(ruleset, {
        method,
        path: `${root}/${path}`,
        uid: attempt.as,
        documents,
        ...(attempt.request.kind === 'list' && { equal: conditionsOf(attempt.request.equal) }),
      }),
    );
  };

  return {
    name: 'the interpreter',
    decisions,
    isAllowed: async (attempt) => decisions(attempt).every((decision) => decision.allowed),
    close: async () => {},
  };
}

/** What a query asks its results to hold, as a document would. */
function conditionsOf(equal: Equal | undefined): DocumentData {
  if (equal === undefined) return {};
  const [last = '', ...parents] = equal.field.split('.').reverse();
  return parents.reduce<DocumentData>((inner, segment) => ({ [segment]: inner }), { [last]: equal.value });
}

function writesOf(request: ClientRequest): readonly ClientWrite[] {
  if (request.kind === 'batch') return request.writes;
  return request.kind === 'set' || request.kind === 'update' || request.kind === 'delete' ? [request] : [];
}

function apply(write: ClientWrite, documents: Map<string, DocumentData>): void {
  if (write.kind === 'delete') documents.delete(write.path);
  else if (write.kind === 'set') documents.set(write.path, write.data);
  else documents.set(write.path, { ...documents.get(write.path), ...write.fields });
}

/** The documents that a request reads or writes, each with the method that the rules know it by. */
function touched(
  request: ClientRequest,
  before: ReadonlyMap<string, DocumentData>,
): { method: Method; path: string }[] {
  switch (request.kind) {
    case 'get':
      return [{ method: 'get', path: request.path }];
    case 'list':
      return [{ method: 'list', path: `${request.collection}/${anyDocument}` }];
    case 'listGroup':
      return anyParents.map((parent) => ({ method: 'list', path: `${parent}${request.group}/${anyDocument}` }));
    default:
      return writesOf(request).map((write) => {
        if (write.kind === 'delete') return { method: 'delete', path: write.path };
        if (write.kind === 'update' && !before.has(write.path)) {
          throw new Error(`the case updates ${write.path}, which is not given`);
        }
        return { method: before.has(write.path) ? 'update' : 'create', path: write.path };
      });
  }
}
