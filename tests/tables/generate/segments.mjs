// Writes ../segments.json: what Twilio's own calculator says of many texts.
//
// Run it where `sms-segments-calculator` is installed; see README.md. The texts are fixed, so
// that a run changes nothing unless the calculator does.

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { SegmentedMessage } = createRequire(`${process.cwd()}/`)('sms-segments-calculator');

// A generator of numbers that gives the same ones on every machine.
let state = 20190803;
const below = (limit) => {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return Math.floor((state / 0x80000000) * limit);
};
const pick = (choices) => choices[below(choices.length)];

const a = (count) => 'a'.repeat(count);
const family = '👩‍👩‍👧‍👦';
const flag = '🇲🇽';

const spanish = [
  'Hola',
  'Hola, ¿cómo estás?',
  '¡Feliz año nuevo!',
  'Mañana a las 9:00 en el consultorio.',
  'Su cita es el lunes 3 a las 10:30. Responda SI para confirmar o NO para cancelar.',
  'Tu código de verificación es 482913. No lo compartas con nadie.',
  'Tu clave es 482913',
  'Estimado Sr. Núñez: su pedido #10482 salió hoy y llegará el miércoles entre las 9 y las 13 h.',
  'El niño comió piñas en el jardín; la niña, güeros con crème brûlée.',
  'ÁÉÍÓÚÑÜ áéíóúñü ¿? ¡!',
  'Ééñü¿¡ caben en un SMS de siete bits',
  'Pago recibido: $1,250.00 MXN (IVA incluido). ¡Gracias!',
  'Total: 35,90 €',
  'Oferta: {50% de descuento} [solo hoy] ~mañana~ a|b c\\d e^f',
  'Reunión “importante” — no faltes…',
  'Dirección: Av. Tulum 24, Cancún, Q. Roo, C.P. 77500\nTel. 998 316 2438',
  'Línea uno\r\nLínea dos\r\nLine three',
  'Linea uno\r\nLinea dos\nLinea tres\rfin',
  'Recordatorio: tiene cita con la Dra. Hernández el jueves 14 de noviembre a las 16:45 h. Si no puede asistir, responda CANCELAR al menos 24 horas antes. Gracias, Clínica del Caribe.',
  'Recordatorio: tiene cita con el Dr. Lopez el jueves 14 de noviembre a las 16:45 h. Si no puede asistir, responda CANCELAR al menos 24 horas antes. Gracias.',
  'Con gusto le informamos que su solicitud de credito fue aprobada. Pase a la sucursal con su INE y un comprobante de domicilio de lunes a viernes de 9 a 16 h y el sabado de 9 a 13 h. Gracias.',
];

const others = [
  '', ' ', '\n', '\r\n', '\r', '\t', '\f', '\u0000', '\u001b', '`', 'ç', 'Ç', '@', '€', '\u00a0', '\u00ad', '\u200b', '\u2028', '…', '“', '—',
  'a\tb', 'a\u00a0b', 'a\u200bb', 'naïve café', 'Ελλάδα', 'ΓΔΘΛΞΠΣΦΨΩ', 'Привет, как дела?', 'مرحبا', 'שלום', '你好，世界', 'こんにちは', '안녕하세요',
  'नमस्ते', 'क्षमा', 'สวัสดี', 'ខ្មែរ', 'e\u0301', 'n\u0303', 'e\u0301\u0302\u0303', 'a\u0301'.repeat(40), 'STOP 🛑',
  '😀', '👍🏽', '☝🏻', '✌🏼', '🤝🏽', '🏽', family, '👩🏽‍⚕️', '🕵️‍♀️', '🧑‍💻', '👨‍🦰', '🧑🏿‍🤝‍🧑🏻', '❤️', '❤️‍🔥', '👩‍❤️‍💋‍👨', '👩‍❤️‍💋‍👨🏽', '🏳️‍🌈', '🏴‍☠️', '🏳️‍⚧️', flag,
  flag.repeat(3), '🇲', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', '#️⃣', '©️', '™', '\u200d', 'a\u200db', '\ufe0f', `¡Viva México! ${flag}🎉`, `Hola ${family}, ¿vienen?`,
];

const boundaries = [
  ...[159, 160, 161, 305, 306, 307, 459, 460, 1530, 1531, 1599, 1600, 1601].map(a),
  ...[69, 70, 71, 133, 134, 135, 201, 202].map((count) => 'Á'.repeat(count)),
  ...[79, 80, 81, 152, 153, 154].map((count) => '€'.repeat(count)),
  ...[33, 34, 35, 36, 66, 67, 68].map((count) => '😀'.repeat(count)),
  `${a(158)}€`, `${a(159)}€`, `${a(160)}€`, `${a(152)}€${a(151)}`, `${a(152)}€${a(152)}`, `${a(151)}€${a(152)}`, `${a(153)}€${a(151)}`,
  `${a(152)}{${a(6)}`, `${a(152)}{${a(5)}`, `${a(305)}[`, `${a(304)}[`, `${'a€'.repeat(60)}`, `${'€a'.repeat(102)}`,
  `${'Á'.repeat(66)}😀${'b'.repeat(65)}`, `${'Á'.repeat(66)}😀${'b'.repeat(66)}`, `${'Á'.repeat(65)}${flag}${'b'.repeat(65)}`, `${'Á'.repeat(60)}${family}${'b'.repeat(60)}`,
  `${'á'.repeat(57)}${family}${family}`, family.repeat(6), family.repeat(7), flag.repeat(17), flag.repeat(18), '👍🏽'.repeat(18), '1️⃣'.repeat(24),
  `${a(158)}\r\n`, `${a(159)}\r\n`, `${a(152)}\r\n${a(10)}`, `${'Á'.repeat(66)}\r\n${'b'.repeat(10)}`, `${'Á'.repeat(69)}\n`, '\r\n'.repeat(90),
  'á'.repeat(1600), 'ñ'.repeat(1600), 'ab€'.repeat(400), `e${'\u0301'.repeat(66)}`, `e${'\u0301'.repeat(80)}`, `hola e${'\u0301'.repeat(80)} hola`, `${'Á'.repeat(9)}e${'\u0301'.repeat(60)}${'b'.repeat(10)}`,
];

const gsm = [...'abcdefghijklmnopqrstuvwxyz ABC 0123456789 ,.;:!?¿¡ñÑéüà@$€[]{}|~^\\\n'];
const mixed = [...gsm, 'á', 'í', 'ó', 'ú', '“', '😀', '👍🏽', flag, family, '\r\n', 'e\u0301', '中', '🏳️‍🌈', '1️⃣', '\t'];
const random = [];
for (let count = 0; count < 60; count += 1) {
  const alphabet = count % 3 === 0 ? gsm : mixed;
  const length = 1 + below(pick([20, 80, 170, 330]));
  random.push(Array.from({ length }, () => pick(alphabet)).join(''));
}

function figures(text) {
  const message = new SegmentedMessage(text);
  const unit = message.encodingName === 'GSM-7' ? 7 : 16;
  const last = message.segments[message.segmentsCount - 1];
  const header = message.segmentsCount > 1 ? 48 : 0;
  return {
    text,
    encoding: message.encodingName,
    segments: message.segmentsCount,
    units: message.messageSize / unit,
    units_per_segment: Math.floor((1120 - header) / unit),
    remaining: Math.max(0, Math.floor(last.freeSizeInBits() / unit)),
    characters: message.numberOfCharacters,
    non_gsm: [...new Set(message.getNonGsmCharacters())],
    message_bits: message.messageSize,
    total_bits: message.totalSize,
    bits_per_segment: message.segments.map((segment) => segment.messageSizeInBits()),
    unicode_scalars: message.numberOfUnicodeScalars,
    last_segment_text: Array.from(last, (character) => character.raw ?? '').join(''),
  };
}

// Every character of the alphabet, by the septets that it takes.
const septets = { 1: '', 2: '' };
for (let code = 0; code < 0x10000; code += 1) {
  if (code >= 0xd800 && code < 0xe000) continue;
  const message = new SegmentedMessage(String.fromCharCode(code));
  if (message.encodingName === 'GSM-7') septets[message.messageSize / 7] += String.fromCharCode(code);
}

const texts = [...new Set([...spanish, ...others, ...boundaries, ...random])];
const lines = texts.map((text) => JSON.stringify(figures(text)));
const about = 'Figures of the npm package sms-segments-calculator 1.3.0. Written by generate/segments.mjs.';
const head = `{"about": ${JSON.stringify(about)},\n"septets": ${JSON.stringify(septets)},\n"cases": [\n`;
writeFileSync(new URL('../segments.json', import.meta.url), `${head}${lines.join(',\n')}\n]}\n`);
console.log(`${lines.length} texts`);
