// The page's words in Spanish and English, and numbers and times as people read them.

const words = {
  es: {
    title: "Recado · Twilio local", tagline: "Twilio local · nada sale de esta máquina",
    addPhone: "Agregar teléfono", removePhone: "Quitar teléfono", close: "Cerrar", save: "Guardar", send: "Enviar",
    addPicture: "Adjuntar imagen", removePicture: "Quitar {name}", write: "Mensaje", drop: "Suelta para adjuntar",
    conversation: "Conversación", customerName: "Nombre del cliente", customerNumber: "Número del cliente",
    someone: "Cliente {n}", gateway: "Recado", openGateway: "Abrir {host}",
    empty: "Escribe un mensaje: llega a tu gateway como si Twilio lo entregara.",
    newMessages: "Mensajes nuevos", today: "Hoy", yesterday: "Ayer",
    aboutNumber: "El número y cómo probarlo", number: "Número", account: "Cuenta", service: "Servicio",
    webhookUrl: "Webhook del número", saved: "Guardado.", none: "ninguno",
    tryTitle: "Prueba lo que puede salir mal",
    tryText: "Un cliente cuyo número termina en un código de Twilio recibe ese error. Por ejemplo:",
    code30003: "el teléfono está apagado", code30005: "el número no existe", code30006: "es un teléfono fijo",
    code30007: "la operadora lo filtró", code30036: "caducó antes de salir", code21610: "la persona se dio de baja",
    keyEnter: "envía", keyLine: "otra línea", keyPhone: "cambia de teléfono", keyAgain: "repite el último",
    connecting: "conectando…", live: "en vivo", lost: "reconectando…",
    accepted: "aceptado", queued: "en cola", sent: "enviado", delivered: "entregado", undelivered: "no entregado",
    failed: "no enviado", received: "recibido",
    calling: "llamando al webhook…", webhook: "webhook {status} · {millis} ms", unanswered: "sin respuesta · {millis} ms",
    noWebhook: "el número no tiene webhook", webhookEmpty: "(respuesta vacía)",
    units: "{units}/{limit} · {segments} SMS", tooLong: "máximo 1600 caracteres",
    sendFailed: "No se pudo enviar: {reason}", badNumber: "Un número como +52 55 1234 5678",
    sameNumber: "Ya hay un teléfono con ese número", unreachable: "el Twilio local no responde",
    spoke: "{name} recibió: {text}", picture: "imagen", pictureAt: "Imagen en {host}", file: "Archivo {kind}",
    faults: "Fallas", every: "cada", tally: "{happened} de {chances}", odds: "{percent} % al azar",
    faultsText: "Lo que enciendas aquí le pasa a tu gateway tal como le pasaría con Twilio.",
    faultGroup_create: "Al enviar", faultGroup_callback: "Avisos de estado", faultGroup_signature: "Firma de los webhooks",
    create_refused: "429: demasiadas peticiones", create_failed_before: "503 sin aceptar el mensaje",
    create_failed_after: "500 con el mensaje ya aceptado", create_cut_after: "Conexión cortada con el mensaje ya aceptado",
    create_late: "Respuesta tardía", callback_lost: "Se pierde un aviso", callback_late: "Llega tarde", callback_duplicated: "Llega dos veces",
    callback_reordered: "Llega después del siguiente", signature_port_toggled: "Sobre la URL sin puerto, o con el usual",
    signature_port_wrong: "Sobre otro puerto (inválida)", signature_token_rotated: "Con el token rotado (…-rotated)",
    tokenTitle: "Token", otherToken: "Firmar con otro token",
    timeTitle: "Hora", timeText: "Adelántala para lo programado, lo que espera en cola y lo que caduca. Ahora:",
    skip60: "+1 min", skip600: "+10 min", skip3600: "+1 h", skip86400: "+1 día", calm: "Apagar todas las fallas",
    optedOut: "baja", scheduled: "programado", canceled: "cancelado",
    others: "También hay mensajes con", unread: "{n} sin leer", copied: "Copiado",
  },
  en: {
    title: "Recado · local Twilio", tagline: "local Twilio · nothing leaves this machine",
    addPhone: "Add phone", removePhone: "Remove phone", close: "Close", save: "Save", send: "Send",
    addPicture: "Attach a picture", removePicture: "Remove {name}", write: "Message", drop: "Drop to attach",
    conversation: "Conversation", customerName: "Customer’s name", customerNumber: "Customer’s number",
    someone: "Customer {n}", gateway: "Recado", openGateway: "Open {host}",
    empty: "Write a message: it reaches your gateway just as Twilio would deliver it.",
    newMessages: "New messages", today: "Today", yesterday: "Yesterday",
    aboutNumber: "The number, and how to try it", number: "Number", account: "Account", service: "Service",
    webhookUrl: "The number’s webhook", saved: "Saved.", none: "none",
    tryTitle: "Try what can go wrong",
    tryText: "A customer whose number ends in one of Twilio’s codes meets that error. For example:",
    code30003: "the phone is switched off", code30005: "the number does not exist", code30006: "it is a landline",
    code30007: "the carrier filtered it", code30036: "it expired before it left", code21610: "the person opted out",
    keyEnter: "sends", keyLine: "new line", keyPhone: "switches phones", keyAgain: "repeats the last one",
    connecting: "connecting…", live: "live", lost: "reconnecting…",
    accepted: "accepted", queued: "queued", sent: "sent", delivered: "delivered", undelivered: "not delivered",
    failed: "not sent", received: "received",
    calling: "calling the webhook…", webhook: "webhook {status} · {millis} ms", unanswered: "no answer · {millis} ms",
    noWebhook: "the number has no webhook", webhookEmpty: "(empty answer)",
    units: "{units}/{limit} · {segments} SMS", tooLong: "1600 characters at most",
    sendFailed: "Could not send: {reason}", badNumber: "A number such as +52 55 1234 5678",
    sameNumber: "There is a phone with that number already", unreachable: "the local Twilio does not answer",
    spoke: "{name} received: {text}", picture: "picture", pictureAt: "Picture at {host}", file: "{kind} file",
    faults: "Faults", every: "every", tally: "{happened} of {chances}", odds: "{percent} % by chance",
    faultsText: "What you switch on here happens to your gateway just as it would with Twilio.",
    faultGroup_create: "When sending", faultGroup_callback: "Status callbacks", faultGroup_signature: "Webhook signatures",
    create_refused: "429: too many requests", create_failed_before: "503, and the message not accepted",
    create_failed_after: "500, though the message was accepted", create_cut_after: "Connection cut, though the message was accepted",
    create_late: "Late answer", callback_lost: "A callback is lost", callback_late: "It comes late", callback_duplicated: "It comes twice",
    callback_reordered: "It comes after the next one", signature_port_toggled: "Over the URL without its port, or with the usual one",
    signature_port_wrong: "Over another port (invalid)", signature_token_rotated: "By the rotated token (…-rotated)",
    tokenTitle: "Token", otherToken: "Sign with another token",
    timeTitle: "Time", timeText: "Skip ahead for what is scheduled, queued or about to expire. Now:",
    skip60: "+1 min", skip600: "+10 min", skip3600: "+1 h", skip86400: "+1 day", calm: "Switch all faults off",
    optedOut: "stopped", scheduled: "scheduled", canceled: "canceled",
    others: "There are also messages with", unread: "{n} unread", copied: "Copied",
  },
};

export const locale = (navigator.languages ?? [navigator.language]).find((tag) => /^(es|en)\b/i.test(tag)) ?? "en";
const chosen = words[locale.slice(0, 2).toLowerCase()];

export function word(key, values = {}) {
  return (chosen[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Fills in the words that the markup asks for. */
export function translate(root) {
  for (const node of root.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", word(node.dataset.label));
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = word(node.dataset.placeholder);
  for (const node of root.querySelectorAll("[data-title]")) {
    node.title = word(node.dataset.title);
    node.setAttribute("aria-label", word(node.dataset.title));
  }
}

const clock = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" });
const bar = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(locale, { weekday: "short", day: "numeric", month: "short" });

export const time = (date) => clock.format(date);

/** The time as a phone shows it at its top, where there is little room. */
export const shortTime = (date) => bar.format(date);

export function dayName(date, now = new Date()) {
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? word("today") : days === 1 ? word("yesterday") : day.format(date);
}

/** A number in the groups in which it is read. */
export function pretty(number) {
  const mexican = /^\+52(55|33|81|56)?(\d+)$/.exec(number);
  if (mexican && number.length === 13) {
    const [, city, rest] = mexican;
    const groups = city ? [city, rest.slice(0, 4), rest.slice(4)] : [rest.slice(0, 3), rest.slice(3, 6), rest.slice(6)];
    return ["+52", ...groups].join(" ");
  }
  if (/^\+1\d{10}$/.test(number)) return number.replace(/^\+1(\d{3})(\d{3})(\d{4})$/, "+1 $1 $2 $3");
  return number ?? "";
}

/** What a person typed, in E.164; ten digits alone are Mexican. Nothing if it is no number. */
export function normal(input) {
  const digits = input.replace(/[\s().-]/g, "");
  const number = /^\d{10}$/.test(digits) ? `+52${digits}` : digits;
  return /^\+[1-9]\d{6,14}$/.test(number) ? number : null;
}
