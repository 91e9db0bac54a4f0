// The schema of the configuration: the gateway checks what an operator wrote against it.

const text = (title, description, value) => ({ title, description, type: "string", default: value });
const words = (title, description, value) => ({
  title,
  description,
  type: "array",
  items: { type: "string", minLength: 1 },
  default: value,
});

export const schema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  additionalProperties: false,
  required: ["questions"],
  properties: {
    start: words("Start", "A message that is one of these words begins the survey, or begins it anew.", ["encuesta"]),
    quit: words("Quit", "Such a message ends it.", ["salir", "cancelar"]),
    intro: text("Introduction", "What comes before the first question.", "Gracias por tu tiempo."),
    thanks: text("Thanks", "What comes after the last answer.", "¡Listo! Gracias por contestar."),
    abandoned: text("Abandoned", "What is said to who quits.", "De acuerdo, lo dejamos aquí."),
    reminder: text("Reminder", "What comes before a question that is asked again.", "¿Sigues ahí?"),
    remind_after_hours: {
      title: "Remind after",
      description: "After so many hours without an answer the question is asked again. 0 is never.",
      type: "number",
      minimum: 0,
      default: 24,
    },
    give_up_after_hours: {
      title: "Give up after",
      description: "So many hours after the reminder the survey ends without a word. 0 is never.",
      type: "number",
      minimum: 0,
      default: 48,
    },
    done_tag: text("Tag when done", "The conversation's label at the end.", "encuesta contestada"),
    abandoned_tag: text("Tag when abandoned", "Its label if the survey ends before.", "encuesta abandonada"),
    questions: {
      title: "Questions",
      description: "What is asked, in order.",
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        additionalProperties: false,
        required: ["name", "text"],
        properties: {
          name: { title: "Name", description: "The contact's attribute.", type: "string", minLength: 1, maxLength: 64 },
          text: { title: "Text", description: "What is asked.", type: "string", minLength: 1 },
          kind: {
            title: "Kind",
            description: "What counts as an answer.",
            enum: ["text", "number", "yes-no", "choice"],
            default: "text",
          },
          min: { title: "Least", description: "Of a number.", type: "number" },
          max: { title: "Most", description: "Of a number.", type: "number" },
          options: words("Options", "Of a choice: answered by number or by word.", []),
          wrong: text("Wrong answer", "What is said to an answer that is none.", "No te entendí."),
        },
      },
    },
  },
};
