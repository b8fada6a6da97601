/** How long a saved file's address stays readable, in ms: the browser reads it after the click has returned. */
const readableMs = 10_000;

/** Hands a file to the browser to save. */
export function saveFile(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), readableMs);
}
