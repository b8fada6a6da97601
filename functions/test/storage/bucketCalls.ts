import assert from 'node:assert/strict';
import type { Bucket } from '../../src/storage/bucket.ts';

/** What Lockstep does in a bucket, for any server of Cloud Storage. Without preconditions, which Firebase's emulator
 *  does not know. */
export async function useBucket(bucket: Bucket): Promise<void> {
  const data = Buffer.from([0, 13, 10, 13, 10, 45, 45, 255]);
  const name = 'a folder/ü & %2F?#.bin';
  assert.equal(await bucket.read(name), undefined);
  assert.equal(await bucket.exists(name), false);
  assert.equal(await bucket.saveIfAbsent(name, data), 'saved');
  assert.equal(await bucket.exists(name), true);
  assert.deepEqual(await bucket.read(name), data);
  await bucket.saveIfAbsent('a folder/second', Buffer.alloc(0));
  await bucket.saveIfAbsent('elsewhere', Buffer.from('x'));
  const first = await bucket.list({ prefix: 'a folder/', limit: 1 });
  assert.equal(first.objects.length, 1);
  const second = await bucket.list({ prefix: 'a folder/', limit: 1, from: first.next });
  assert.equal(second.next, undefined);
  const [one, other] = [...first.objects, ...second.objects];
  assert.deepEqual([one?.name, other?.name].sort(), ['a folder/second', name].sort());
  assert.deepEqual([one?.bytes, other?.bytes].sort(), [0, data.length]);
  assert.ok((one?.createdAt ?? 0) > 0);
  assert.equal(await bucket.delete(name), 'deleted');
  assert.equal(await bucket.delete(name), 'absent');
  assert.equal(await bucket.read(name), undefined);
}
