/** Control characters of C0 and C1 (with them every ANSI sequence), what turns the direction of text, what breaks
 *  lines, and halves of surrogate pairs. https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing */
const unprintable = /[\p{Cc}\p{Bidi_Control}\p{Cs}\u2028\u2029]/gu;

/** A text from outside (an id, an actor, an error) as one line that can neither steer a terminal nor look like two
 *  lines: each control character as JSON would write it, such as `\u001b`. Text that is JSON in one line stays the
 *  same JSON. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
