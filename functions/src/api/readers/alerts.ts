import { type DocumentSnapshot, FieldPath, type Query, Timestamp } from 'firebase-admin/firestore';
import { AlertRecordError, parseAlert } from '../../alerts/alertRecord.ts';
import { recordCollections } from '../../config/defineConfig.ts';
import { documentIdFrom, textFromDocumentId } from '../../records/documentIds.ts';
import type { AlertView } from '../views/alerts.ts';
import { nextOf, pageSize } from './paging.ts';
import type { ReaderDependencies, Views } from './views.ts';

export interface AlertsReader extends Pick<Views, 'alerts'> {
  /** The newest open alerts, at most so many. */
  open(most: number): Promise<AlertView[]>;
}

export function createAlertsReader({ firestore }: ReaderDependencies): AlertsReader {
  const alerts = firestore.collection(recordCollections.alerts);
  const newestFirst = (query: Query) => query.orderBy('lastAt', 'desc').orderBy(FieldPath.documentId(), 'desc');
  const read = async (query: Query) => (await query.get()).docs.map(alertFrom);
  return {
    open: (most) => read(newestFirst(alerts.where('state', '==', 'open')).limit(most)),
    async alerts(state, after) {
      let query = newestFirst(state === undefined ? alerts : alerts.where('state', '==', state));
      if (after !== undefined) query = query.startAfter(Timestamp.fromMillis(after.at), documentIdFrom(after.id));
      const items = await read(query.limit(pageSize(after)));
      return { items, next: nextOf(items, after, ({ key, lastAt }) => ({ id: key, at: lastAt })) };
    },
  };
}

function alertFrom(snapshot: DocumentSnapshot): AlertView {
  try {
    const record = parseAlert(snapshot.ref.path, snapshot.data());
    const { key, alarm, state, message, hint, fields, count, firstAt, lastAt, acknowledgedBy, escalatedAt } = record;
    return { key, alarm, state, message, hint, fields, count, firstAt, lastAt, acknowledgedBy, escalatedAt };
  } catch (error) {
    if (!(error instanceof AlertRecordError)) throw error;
    const lastAt: unknown = snapshot.get('lastAt');
    const at = lastAt instanceof Timestamp ? lastAt.toMillis() : 0;
    return {
      key: textFromDocumentId(snapshot.id),
      alarm: 'unreadable-record',
      state: 'open',
      message: error.message,
      hint: 'Repair or remove the record.',
      fields: {},
      count: 1,
      firstAt: at,
      lastAt: at,
      acknowledgedBy: null,
      escalatedAt: null,
    };
  }
}
