/** The polynomial of Castagnoli, its bits reversed. */
const polynomial = 0x82f6_3b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** CRC32C in base64 of its big-endian bytes, as Cloud Storage gives it
 *  (https://cloud.google.com/storage/docs/json_api/v1/objects#crc32c). */
export function crc32c(data: Uint8Array): string {
  let crc = 0xffff_ffff;
  for (const byte of data) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((crc ^ 0xffff_ffff) >>> 0);
  return bytes.toString('base64');
}
