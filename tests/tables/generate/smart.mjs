// Writes ../smart.json: what Twilio's own calculator makes of texts when smart encoding is on.
//
// Run it where `sms-segments-calculator` is installed; see README.md. Every character of Unicode
// is tried, so that the table has all that are replaced and only those.

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { SegmentedMessage } = createRequire(`${process.cwd()}/`)('sms-segments-calculator');

const calculated = (text) => new SegmentedMessage(text, 'auto', true);
const encoded = (text) => calculated(text).graphemes.join('');

const replaced = {};
for (let code = 0; code < 0x110000; code += 1) {
  if (code >= 0xd800 && code < 0xe000) continue;
  const character = String.fromCodePoint(code);
  const likeness = encoded(character);
  if (likeness !== character) replaced[`U+${code.toString(16).toUpperCase().padStart(4, '0')}`] = likeness;
}

const texts = [
  '', 'Hola', '¡Feliz año nuevo!', 'Canción', '“Hola”', '‘Hola’', '«Hola»', '‹Hola›', 'Reunión “importante” — no faltes…',
  'Reunion “importante” — no faltes…', 'It’s 5 o‘clock…', 'a\tb', 'a\u00a0b', 'a\u2003b', 'a\u200bb', 'a\u200cb', 'a\u200db', 'a\u2060b\ufeff',
  '\u0000', '\u0007', 'uno\r\ndos\u2028tres\u2029', '½ kg, ¼ l, ¾ h, ⅓', '10 ÷ 2', '•uno •dos', 'ＡＺ０９ａｚ！～｀', 'ᴛᴇxᴛ', '‼️', '✳️', '1️⃣',
  'e\u0301', 'n\u0303', 'o\u0302', '“hi” 😀', '👩‍👩‍👧‍👦…', '🇲🇽…', '👍🏽’', '你好，“世界”。', '、。｡､', '日本〝語〞', 'Привет — “мир”', 'ﬁ', '€™©',
  `${'a'.repeat(159)}’`, `${'a'.repeat(160)}’`, `${'a'.repeat(158)}…`, `${'a'.repeat(157)}…`, `${'ñ'.repeat(69)}“${'ñ'.repeat(69)}”`,
  `${'á'.repeat(69)}…`, `${'á'.repeat(67)}…`, `${'a'.repeat(153)}\t`, '¼'.repeat(60), '\u200b'.repeat(200), `${'—'.repeat(160)}😀`,
];

const figures = (text) => {
  const { encodingName, segmentsCount, numberOfCharacters } = calculated(text);
  return { text, smart: encoded(text), encoding: encodingName, segments: segmentsCount, characters: numberOfCharacters };
};

const about = 'Smart encoding by the npm package sms-segments-calculator 1.3.0. Written by generate/smart.mjs.';
const pairs = Object.entries(replaced).map(([code, likeness]) => `${JSON.stringify(code)}: ${JSON.stringify(likeness)}`);
const cases = texts.map((text) => JSON.stringify(figures(text)));
const table = `{"about": ${JSON.stringify(about)},\n"replaced": {\n${pairs.join(',\n')}\n},\n"cases": [\n${cases.join(',\n')}\n]}\n`;
writeFileSync(new URL('../smart.json', import.meta.url), table);
console.log(`${pairs.length} characters, ${cases.length} texts`);
