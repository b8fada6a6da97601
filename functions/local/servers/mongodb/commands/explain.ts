import { Int32 } from 'bson';
import { type Document, isDocument, isNumeric, toNumber } from '../bson/values.ts';
import { CommandError, failedToParse } from '../errors.ts';
import type { CommandTable, Operation, Reply } from '../operation.ts';
import { leadingStages } from '../query/leadingStages.ts';
import type { AccessPath } from '../query/plan.ts';
import { type Examined, filterOf, planOf, type Query, readDocuments } from '../query/read.ts';
import { checkFields } from '../requests/knownFields.ts';
import { viewForRead } from './readCommands.ts';

const documentOr = (value: unknown): Document => (isDocument(value) ? value : {});
const numberOr = (value: unknown, other: number) => (isNumeric(value) ? toNumber(value) : other);

/** What of a command decides how documents are found; of a pipeline its first `$match`, `$sort` and `$limit`. */
function queryOf(command: Document): Query {
  const statements = command.updates ?? command.deletes;
  const statement = Array.isArray(statements) ? documentOr(statements[0]) : {};
  const { query } = leadingStages(Array.isArray(command.pipeline) ? command.pipeline : []);
  const isSingle = 'findAndModify' in command || ('updates' in command && statement.multi !== true);
  return {
    filter: filterOf(command.filter ?? command.query ?? statement.q ?? query.filter),
    sort: documentOr(command.sort ?? statement.sort ?? query.sort),
    skip: numberOr(command.skip, 0),
    limit: isSingle ? 1 : numberOr(command.limit ?? statement.limit ?? query.limit, 0),
    hint: command.hint ?? statement.hint,
  };
}

/** The stages of a plan; `executed` adds to each what it did. */
function describePlan(
  path: AccessPath,
  sort: Document,
  executed: (counts: (examined: Examined) => Document) => Document,
): Document {
  const direction = path.kind !== 'everything' && path.reverse ? 'backward' : 'forward';
  if (path.kind === 'everything') {
    const scan = { stage: 'COLLSCAN', direction: path.reverse ? 'backward' : 'forward' };
    return sorted(
      { ...scan, ...executed(({ documents }) => ({ docsExamined: new Int32(documents) })) },
      sort,
      executed,
    );
  }
  const scan: Document = {
    stage: 'IXSCAN',
    indexName: path.index?.spec.name ?? '_id_',
    keyPattern: path.index?.spec.key ?? { _id: new Int32(1) },
    isMultiKey: path.index?.multikey ?? false,
    direction,
    ...executed(({ keys }) => ({ keysExamined: new Int32(keys) })),
  };
  const examined = executed(({ documents }) => ({ docsExamined: new Int32(documents) }));
  const fetch = { stage: 'FETCH', ...examined, inputStage: scan };
  return path.sorted ? fetch : sorted(fetch, sort, executed);
}

const sorted = (
  inputStage: Document,
  sort: Document,
  executed: (counts: (examined: Examined) => Document) => Document,
): Document =>
  Object.keys(sort).length === 0 || '$natural' in sort
    ? inputStage
    : { stage: 'SORT', sortPattern: sort, ...executed(() => ({})), inputStage };

/** Runs the query of a command, and tells what it cost; nothing is written. */
function execute(operation: Operation, name: string, query: Query, plan: AccessPath): Document {
  const { deployment, evaluation } = operation;
  const examined = { keys: 0, documents: 0 };
  const startedAt = deployment.clock.now();
  let found = 0;
  for (const _ of readDocuments(viewForRead(operation, name), query, evaluation, examined)) found += 1;
  const nReturned = new Int32(found);
  return {
    executionSuccess: true,
    nReturned,
    executionTimeMillis: new Int32(deployment.clock.now() - startedAt),
    totalKeysExamined: new Int32(examined.keys),
    totalDocsExamined: new Int32(examined.documents),
    executionStages: describePlan(plan, query.sort ?? {}, (counts) => ({ nReturned, ...counts(examined) })),
  };
}

/**
 * Says how a command would find its documents, and from `executionStats` on what that costs. Throws 2 for what is no
 * command on a collection, 9 for an unknown verbosity. Source:
 * https://www.mongodb.com/docs/manual/reference/command/explain/
 */
export function explain(operation: Operation, command: Document, verbosity = 'queryPlanner'): Reply {
  const { deployment, db } = operation;
  const [commandName = '', name] = Object.entries(command)[0] ?? [];
  if (typeof name !== 'string')
    throw new CommandError(2, `explain needs a command on a collection, not ${commandName}`);
  checkFields(commandName, command);
  if (!['queryPlanner', 'executionStats', 'allPlansExecution'].includes(verbosity)) {
    throw failedToParse("verbosity string must be one of {'queryPlanner', 'executionStats', 'allPlansExecution'}");
  }
  const query = queryOf(command);
  const plan = planOf(viewForRead(operation, name).collection, query);
  const winningPlan = deployment.catalog.find(db, name)
    ? describePlan(plan, query.sort ?? {}, () => ({}))
    : { stage: 'EOF' };
  return {
    fields: {
      explainVersion: '1',
      queryPlanner: { namespace: `${db}.${name}`, parsedQuery: query.filter, winningPlan, rejectedPlans: [] },
      ...(verbosity === 'queryPlanner' ? {} : { executionStats: execute(operation, name, query, plan) }),
      command,
    },
  };
}

export const explainCommands: CommandTable = {
  explain: (operation) =>
    explain(
      operation,
      operation.fields.requiredDocument('explain'),
      operation.fields.optionalString('verbosity') ?? 'allPlansExecution',
    ),
};
