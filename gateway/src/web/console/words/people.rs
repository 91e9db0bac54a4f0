//! What the pages say that are about people, before somebody is on their own page.

use super::{ContactWords, words};
use crate::message::Locale;

words! {
    /// About finding people, putting them down, and making one of two.
    PeopleWords {
        language: "es", "en";
        new: "Persona nueva", "New person";
        search_hint: "Número o nombre", "Number or name";
        found_none: "Nadie coincide con esa búsqueda.", "Nobody matches that search.";
        nobody: "Todavía no hay nadie.", "There is nobody yet.";
        nobody_hint: "Quien escribe aparece aquí sin que hagas nada. También puedes añadir a alguien antes de que escriba.",
            "Whoever writes shows up here by itself. You can also add somebody before they write.";
        since: "desde", "since";

        name_hint: "Si no lo sabes, déjalo vacío.", "Leave it empty if you don't know it.";
        addresses: "Números u otras direcciones", "Numbers or other addresses";
        addresses_hint: "Uno por línea, como lo marcas. Para WhatsApp, con «whatsapp:» delante.",
            "One a line, as you dial it. For WhatsApp with “whatsapp:” before it.";
        address_missing: "Escribe al menos un número u otra dirección.", "Write one number or other address at least.";
        too_many_addresses: "Una persona se añade con 20 direcciones como mucho.",
            "Somebody is added with 20 addresses at the most.";
        address_taken: "Ya es de otra persona:", "It is somebody else's already:";
        create: "Añadir", "Add";

        write: "Escribirle", "Write to them";
        write_to: "Escribir a", "Write to";
        no_way: "Ningún canal escribe a sus direcciones.", "No channel writes to their addresses.";

        merge: "Es la misma persona que otra…", "Is the same person as another…";
        merge_title: "Unir dos personas", "Make one person of two";
        merge_find: "¿Quién es la otra?", "Who is the other one?";
        merge_with: "Comparar con", "Compare with";
        merge_stays: "Se queda", "Stays";
        merge_goes: "Se une a ella", "Becomes part of it";
        merge_swap: "Que se quede la otra", "Let the other one stay";
        merge_another: "Buscar a otra", "Look for another";
        conversations: "Conversaciones", "Conversations";
        merge_means: "La que se queda recibe las direcciones, las conversaciones y lo que los plugins recuerdan de la otra.",
            "The one that stays gets the addresses, the conversations and what plugins remember of the other.";
        merge_lacks: "El nombre y los datos que le falten se toman de la otra. Donde las dos tienen algo, vale lo de la que se queda; lo marcado se pierde.",
            "The name and attributes that it lacks are taken from the other. Where both have something, that of the one that stays counts; what is marked is lost.";
        merge_everywhere: "Si una se dio de baja, la baja vale para las dos, y lo que espera para salir se cancela.",
            "If one has opted out, that counts for both, and what waits to be sent ends.";
        merge_each: "Las bajas siguen en la dirección y el canal donde se dieron.",
            "An opting out stays with the address and channel where it was said.";
        merge_final: "No hay vuelta atrás.", "Nothing takes it back.";
        merge_now: "Sí, es la misma persona: unir", "Yes, it is the same person: merge";
        merge_itself: "Es ella misma: elige a otra persona.", "That is the person itself: choose another one.";
        merge_unknown: "Esa otra persona ya no está: búscala otra vez.", "That other person is gone: look for them again.";
        merge_changed: "Algo cambió mientras mirabas: revísalo y confirma otra vez.",
            "Something changed while you looked: look again, and confirm again.";
        lost: "se pierde", "is lost";

        import: "Importar una lista", "Import a list";
        import_file: "Archivo CSV", "CSV file";
        import_file_hint: "De Excel o de una hoja de cálculo: guárdala como CSV. Hasta 5000 personas y 4 MB.",
            "From Excel or another spreadsheet: save it as CSV. Up to 5,000 people and 4 MB.";
        import_list: "O pega la lista", "Or paste the list";
        import_list_hint: "La primera línea nombra las columnas: «teléfono», «nombre» y lo que quieras anotar de cada quien. Una lista de solo números no la necesita.",
            "The first line names the columns: “phone”, “name” and whatever you note about each. A list of numbers alone needs none.";
        import_look: "Revisar", "Look at it";
        import_look_again: "Revisar otra vez", "Look again";
        import_preview: "Qué pasaría", "What would come of it";
        import_done: "Qué pasó", "What came of it";
        import_now: "Importar", "Import";
        import_created: "nuevas", "new";
        import_changed: "cambian", "change";
        import_known: "ya constaban así", "were known like that";
        import_refused: "no se pueden importar", "can't be imported";
        import_line: "Línea", "Line";
        import_who: "Quién", "Who";
        import_what: "Qué cambia", "What changes";
        import_problem: "Por qué no", "Why not";
        import_changes: "Las que cambian", "Those that change";
        import_refusals: "Las que no se pueden importar", "Those that can't be imported";
        import_rest: "Las demás se importan. Corrige estas y vuelve a importar la lista: lo que ya consta no cambia.",
            "The others are imported. Mend these and import the list again: what is known does not change.";
        import_nothing: "Nada cambiaría.", "Nothing would change.";
        import_more: "Y otras", "And more:";
        import_seen: "La lista no es la que revisaste: mira otra vez qué pasaría.",
            "This is not the list that you looked at: look again at what would come of it.";
        no_text: "El archivo no es una lista de texto. Guárdalo como CSV.", "The file is no list of text. Save it as CSV.";
        empty_list: "Elige un archivo o pega una lista.", "Choose a file or paste a list.";
        list_too_large: "La lista tiene más de 4 MB: divídela.", "The list has more than 4 MB: divide it.";
        too_many_lines: "La lista tiene más de 5000 personas: divídela.", "The list has more than 5,000 people: divide it.";
        too_many_columns: "La primera línea tiene más de 500 columnas: pon cada número en su propia línea, no uno al lado del otro.",
            "The first line has more than 500 columns: put each number on a line of its own, not one beside the other.";
        long_column_name: "El nombre de una columna es demasiado largo: acórtalo en la primera línea. Columna",
            "The name of a column is too long: make it shorter in the first line. Column";
        no_column_name: "A una columna le falta el nombre en la primera línea. Columna",
            "A column has no name in the first line. Column";
        twice: "Dos columnas se llaman igual:", "Two columns have the same name:";
        no_addresses: "Falta la columna de los números. En la primera línea, llámala «teléfono», «número» o «dirección».",
            "The column of numbers is missing. Call it “phone”, “number” or “address” in the first line.";
        several_addresses: "Hay más de una columna de números: deja una.", "There is more than one column of numbers: leave one.";
        several_names: "Hay más de una columna de nombres: deja una.", "There is more than one column of names: leave one.";
        open_quote: "Unas comillas se abren y no se cierran en la línea", "A quote is opened and not closed on line";
        uneven: "Tiene más o menos campos que columnas hay. Si un texto lleva el separador, ponlo entre comillas.",
            "It has more or less fields than there are columns. Put a text that has the separator in it between quotes.";
        value_missing: "Falta el número o la dirección.", "The number or address is missing.";
        value_too_long: "Es demasiado largo.", "It is too long.";
        value_control: "Tiene que ser una sola línea, sin signos invisibles.", "It must be one line, without invisible signs.";
        name_column: "nombre", "name";
        address_column: "dirección", "address";
    }
}

impl PeopleWords {
    /// Why a column of a line is not taken, of which the code and the reason are those of the API.
    pub(in crate::web::console) fn wrong(&self, column: &str, code: &str, reason: &str) -> String {
        let said = match code {
            "missing" => self.value_missing,
            // The reasons why a number is none are in the language already.
            _ if column == "address" => reason,
            "too-long" => self.value_too_long,
            "control-character" | "nul" => self.value_control,
            "too-many" => return ContactWords::of(Locale::from_tag(self.language)).too_many.to_owned(),
            _ => reason,
        };
        match column {
            "" => said.to_owned(),
            _ => format!("{}: {said}", self.column(column)),
        }
    }

    /// What of a person is meant.
    pub(in crate::web::console) fn column<'a>(&self, name: &'a str) -> &'a str
    where
        Self: 'static,
    {
        match name {
            "name" => self.name_column,
            "address" => self.address_column,
            other => other,
        }
    }
}
