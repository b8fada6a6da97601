import { Int32 } from 'bson';
import { type Document, isDocument } from '../bson/values.ts';
import { CommandError } from '../errors.ts';
import type { CommandTable, Operation, Reply } from '../operation.ts';
import { type AccessPath, chooseAccessPath } from '../query/plan.ts';
import { filterOf } from '../query/read.ts';
import { parseSort } from '../query/sort.ts';

/** What of a command decides how documents are found. */
interface Question {
  readonly collection: string;
  readonly filter: Document;
  readonly sort: Document;
}

const documentOr = (value: unknown): Document => (isDocument(value) ? value : {});

function questionOf(command: Document): Question {
  const [name = '', collection] = Object.entries(command)[0] ?? [];
  if (typeof collection !== 'string') throw new CommandError(2, `explain needs a command on a collection, not ${name}`);
  const statements = command.updates ?? command.deletes;
  const statement = Array.isArray(statements) ? documentOr(statements[0]) : {};
  const stages = Array.isArray(command.pipeline) ? command.pipeline.map(documentOr) : [];
  const match = stages[0]?.$match;
  const sort = stages[match === undefined ? 0 : 1]?.$sort;
  return {
    collection,
    filter: filterOf(command.filter ?? command.query ?? statement.q ?? match),
    sort: documentOr(command.sort ?? sort),
  };
}

function describePath(path: AccessPath, sort: Document): Document {
  if (path.kind === 'everything')
    return sorted({ stage: 'COLLSCAN', direction: path.reverse ? 'backward' : 'forward' }, sort);
  const scan: Document = {
    stage: 'IXSCAN',
    indexName: path.index?.spec.name ?? '_id_',
    keyPattern: path.index?.spec.key ?? { _id: new Int32(1) },
    isMultiKey: path.index?.multikey ?? false,
    direction: path.reverse ? 'backward' : 'forward',
  };
  const fetch = { stage: 'FETCH', inputStage: scan };
  return path.sorted ? fetch : sorted(fetch, sort);
}

const sorted = (input: Document, sort: Document): Document =>
  Object.keys(sort).length === 0 ? input : { stage: 'SORT', sortPattern: sort, inputStage: input };

/** Says how a command would find its documents: by which index, or by looking at all of them. */
export function explain({ deployment, db }: Operation, command: Document): Reply {
  const { collection: name, filter, sort } = questionOf(command);
  const collection = deployment.catalog.find(db, name);
  const winningPlan = collection
    ? describePath(chooseAccessPath(filter, parseSort(sort), collection.indexes.values()), sort)
    : { stage: 'EOF' };
  return {
    fields: {
      explainVersion: '1',
      queryPlanner: { namespace: `${db}.${name}`, parsedQuery: filter, winningPlan, rejectedPlans: [] },
      command,
    },
  };
}

export const explainCommands: CommandTable = {
  explain: (operation) => explain(operation, operation.fields.requiredDocument('explain')),
};
