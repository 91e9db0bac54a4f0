//! What the page of a plugin says.

use super::words;
use crate::message::Locale;
use crate::plugins::wasm::Misfit;
use crate::web::console::form::Wrong;

words! {
    /// About a plugin's configuration.
    PluginWords {
        language: "es", "en";
        configure: "Configurar", "Configure";
        decided: "Qué decidió", "What it decided";
        kept_here: "cambiado aquí", "changed here";
        title: "Configuración de", "Configuration of";
        config: "Configuración", "Configuration";
        of_settings: "En vigor: la de los archivos del servidor.", "In force: that of the server's files.";
        of_console: "En vigor: la que se guardó aquí. La de los archivos del servidor no cuenta.",
            "In force: the one that was saved here. That of the server's files does not count.";
        changed: "Último cambio:", "Last changed:";
        unfit: "Lo que se guardó aquí ya no le sirve al plugin, y vale lo de los archivos del servidor. Revísalo y guárdalo otra vez.",
            "What was saved here does not fit the plugin any more, and that of the server's files is in force. Look at it and save it again.";
        saved: "Guardado, y en vigor desde ahora.", "Saved, and in force from now on.";
        reset_done: "Vuelve a valer la de los archivos del servidor.", "That of the server's files is in force again.";
        not_saved: "No se guardó nada: mira lo que está marcado.", "Nothing was saved: look at what is marked.";
        not_reset: "No se puede volver a la de los archivos del servidor.", "There is no way back to that of the server's files.";
        meanwhile: "Alguien lo cambió mientras tanto. Aquí está lo que escribiste: si lo guardas ahora, vale lo tuyo.",
            "Somebody changed it meanwhile. Here is what you wrote: if you save it now, yours is in force.";
        save: "Guardar", "Save";
        try_out: "Probar con mensajes pasados", "Try on past messages";
        try_hint: "Pregunta al plugin, con lo que está escrito arriba, por los últimos mensajes. No envía ni guarda nada.",
            "Asks the plugin, with what is written above, about the last messages. Sends and stores nothing.";
        reset: "Volver a la de los archivos", "Back to that of the files";
        reset_hint: "Olvida lo que se guardó aquí.", "Forgets what was saved here.";
        required: "obligatorio", "required";
        usual: "Si queda vacío:", "If left blank:";
        empty: "Dejarlo vacío de verdad", "Really leave it empty";
        way: "Cómo se escribe", "How it is written";
        one_a_line: "Uno por línea.", "One a line.";
        pairs: "Uno por línea: nombre = valor.", "One a line: name = value.";
        as_json: "En JSON.", "In JSON.";
        secret_set: "Hay uno guardado y no se muestra. Vacío: se queda como está.",
            "One is saved, and not shown. Blank: it stays as it is.";
        secret_none: "No hay ninguno. Lo que escribas no se mostrará más.", "There is none. What you write is not shown again.";
        secret_again: "Todavía no está guardado, y lo secreto hay que escribirlo otra vez.",
            "It is not saved yet, and what is secret must be written again.";
        unsaved: "Todavía no está guardado.", "It is not saved yet.";
        add: "Añadir", "Add";
        remove: "Quitar", "Remove";
        up: "Subir", "Move up";
        key: "la clave de API", "the API key";
        command: "la línea de comandos", "the command line";
    }
}

impl PluginWords {
    fn locale(&self) -> Locale {
        Locale::from_tag(self.language)
    }

    /// What a format wants, in an example or in words.
    pub(in crate::web::console) fn format(&self, format: &str) -> Option<&'static str> {
        let (es, en) = match format {
            "time-zone" => ("Una zona horaria, como America/Cancun.", "A time zone, as in America/Cancun."),
            "uri" | "url" | "iri" => {
                ("Una dirección, como https://example.com.", "An address, as in https://example.com.")
            }
            "email" | "idn-email" => ("Un correo, como ana@example.com.", "An email address, as in ana@example.com."),
            "date" => ("Una fecha, como 2026-12-24.", "A date, as in 2026-12-24."),
            "time" => ("Una hora, como 09:00:00Z.", "A time, as in 09:00:00Z."),
            "date-time" => ("Fecha y hora, como 2026-12-24T09:00:00Z.", "Date and time, as in 2026-12-24T09:00:00Z."),
            "regex" | "linear-regex" => ("Una expresión regular.", "A regular expression."),
            _ => return None,
        };
        Some(if self.locale() == Locale::Es { es } else { en })
    }

    /// Why what was written can't be read.
    pub(in crate::web::console) fn wrong(&self, wrong: &Wrong) -> String {
        let es = self.locale() == Locale::Es;
        match wrong {
            Wrong::Number if es => "Esto no es un número.".to_owned(),
            Wrong::Number => "This is no number.".to_owned(),
            Wrong::Choice if es => "Elige una de las opciones.".to_owned(),
            Wrong::Choice => "Choose one of those that there are.".to_owned(),
            Wrong::Pair(line) if es => format!("La línea {line} no es «nombre = valor»."),
            Wrong::Pair(line) => format!("Line {line} is not \"name = value\"."),
            Wrong::Twice(name) if es => format!("«{name}» está dos veces."),
            Wrong::Twice(name) => format!("\"{name}\" is there twice."),
            Wrong::Json(problem) if es => format!("Esto no es JSON: {problem}"),
            Wrong::Json(problem) => format!("This is not JSON: {problem}"),
        }
    }

    /// What does not fit, without its place.
    pub(in crate::web::console) fn misfit(&self, misfit: &Misfit) -> String {
        let limit = misfit.limit.as_deref().unwrap_or_default();
        let (es, en) = match misfit.keyword.as_str() {
            "required" => ("Esto hace falta.".to_owned(), "This is needed.".to_owned()),
            "minimum" => (format!("Tiene que ser {limit} o más."), format!("It must be {limit} or more.")),
            "maximum" => (format!("Tiene que ser {limit} o menos."), format!("It must be {limit} or less.")),
            "exclusiveMinimum" => (format!("Tiene que ser más de {limit}."), format!("It must be more than {limit}.")),
            "exclusiveMaximum" => {
                (format!("Tiene que ser menos de {limit}."), format!("It must be less than {limit}."))
            }
            "minLength" => (format!("Caracteres, como mínimo: {limit}."), format!("Characters, at least: {limit}.")),
            "maxLength" => (format!("Caracteres, como máximo: {limit}."), format!("Characters, at most: {limit}.")),
            "minItems" => (format!("Entradas, como mínimo: {limit}."), format!("Entries, at least: {limit}.")),
            "maxItems" => (format!("Entradas, como máximo: {limit}."), format!("Entries, at most: {limit}.")),
            "uniqueItems" => ("Hay entradas repetidas.".to_owned(), "There are entries twice.".to_owned()),
            "format" => (format!("No tiene la forma de «{limit}»."), format!("It has not the form of \"{limit}\".")),
            "pattern" => {
                (format!("No tiene la forma debida: {limit}"), format!("It has not the form that it must: {limit}"))
            }
            _ => return misfit.problem.clone(),
        };
        if self.locale() == Locale::Es { es } else { en }
    }
}
