// What counts as an answer to a question.

/** Lower-case, without accents and what surrounds it: "¡Sí!" and "si" are the same. */
export function fold(text) {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9ñ.,\s-]/g, "")
    .replace(/^[\s.,]+|[\s.,]+$/g, "")
    .replace(/\s+/g, " ");
}

const YES = ["si", "yes", "claro", "ok", "s", "y"];
const NO = ["no", "nel", "n"];

/** What is noted of an answer; null if it is none. */
export function read(question, text) {
  const folded = fold(text);
  switch (question.kind ?? "text") {
    case "number": {
      if (!/^-?\d+([.,]\d+)?$/.test(folded)) return null;
      const number = Number(folded.replace(",", "."));
      const fits = number >= (question.min ?? -Infinity) && number <= (question.max ?? Infinity);
      return fits ? String(number) : null;
    }
    case "yes-no":
      return YES.includes(folded) ? "yes" : NO.includes(folded) ? "no" : null;
    case "choice": {
      const options = question.options ?? [];
      const byNumber = options[Number(folded) - 1];
      return byNumber ?? options.find((option) => fold(option) === folded) ?? null;
    }
    default:
      return text.trim() === "" ? null : text.trim().slice(0, 1000);
  }
}

/** A question as it is asked. */
export function ask(question) {
  const options = (question.options ?? []).map((option, index) => `${index + 1}. ${option}`);
  return [question.text, ...options].join("\n");
}
