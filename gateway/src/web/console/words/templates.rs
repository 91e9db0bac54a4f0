//! What the pages of templates say.

use super::words;
use crate::message::Locale;

words! {
    /// About templates, where they are written and where they are used.
    TemplateWords {
        title: "Plantillas", "Templates";
        new: "Nueva plantilla", "New template";
        none: "No hay plantillas aquí.", "There are no templates here.";
        search: "Buscar por nombre", "Search by name";
        in_use: "En uso", "In use";
        archived_ones: "Archivadas", "Archived";
        archived: "archivada", "archived";
        version: "versión", "version";
        current: "actual", "current";
        saved: "Guardada", "Saved";
        edit: "Editar", "Edit";
        edit_this: "Editar a partir de esta versión", "Edit from this version on";
        not_current: "No es la versión actual.", "This is not the current version.";
        see_current: "Ver la actual", "See the current one";
        is_archived: "Está archivada: no se envía nada con ella. Guardar una versión la trae de vuelta.",
            "It is archived: nothing is sent by it. Saving a version brings it back.";
        archive: "Archivar", "Archive";
        archive_means: "Nadie podrá enviar nada más con ella. Sus versiones se quedan, y guardar otra la trae de vuelta.",
            "Nobody will be able to send anything by it. Its versions stay, and saving another brings it back.";
        archive_now: "Sí, archivar", "Yes, archive it";
        history: "Versiones", "Versions";
        older: "Versiones anteriores", "Earlier versions";
        source: "Como está escrita", "As it is written";
        main: "principal", "main";
        example: "Ejemplo", "Example";
        default: "Si no se da", "If it is not given";
        needed: "hay que darlo", "must be given";
        empty: "(nada)", "(nothing)";
        no_variables: "Sin datos: el texto es siempre el mismo.", "No values: the text is always the same.";
        variables: "Datos", "Values";
        variable: "Dato", "Value";
        kind: "Tipo", "Type";
        kind_text: "texto", "text";
        kind_number: "número", "number";
        kind_flag: "sí o no", "yes or no";
        yes: "sí", "yes";
        no: "no", "no";
        optional: "Puede faltar", "May be left out";
        variables_hint: "Lo que cambia en cada mensaje. En el texto se escribe {{ nombre }}. El ejemplo es para la vista previa. Deja un nombre vacío para quitarlo.",
            "What is different in each message. In the text, write {{ name }}. The example is for the preview. Leave a name empty to remove it.";
        add_variable: "Añadir un dato", "Add a value";
        texts: "Textos", "Texts";
        texts_hint: "Uno por idioma. El principal se envía a quien no tiene el suyo. Deja idioma y texto vacíos para quitarlo.",
            "One for each language. The main one is sent to those who have none of their own. Leave language and text empty to remove one.";
        language: "Idioma", "Language";
        language_hint: "es, es-MX, en", "es, es-MX, en";
        is_main: "Es el principal", "It is the main one";
        text: "Texto", "Text";
        add_language: "Añadir un idioma", "Add a language";
        provided: "Plantilla del proveedor", "The provider's own template";
        provided_hint: "Se envía en lugar del texto, como pide WhatsApp. En cada línea, su número y el dato: 1 = nombre.",
            "It is sent instead of the text, as WhatsApp wants. On each line its number and the value: 1 = name.";
        provided_id: "Id (HX…)", "Id (HX…)";
        places: "Sus números y los datos", "Its numbers and the values";
        name: "Nombre", "Name";
        name_hint: "Letras minúsculas sin acento, cifras, _ y -. No se puede cambiar después.", "a to z, digits, _ and -. It can't be changed later.";
        name_bad: "El nombre necesita de 1 a 64 letras minúsculas sin acento, cifras, _ o -.",
            "A name needs 1 to 64 of the characters a to z, 0 to 9, _ and -.";
        name_taken: "Ya hay una plantilla con ese nombre, quizá archivada.", "There is a template of that name, perhaps archived.";
        changed: "Alguien guardó otra versión mientras escribías: no se guardó nada. Lo que escribiste sigue aquí; si guardas otra vez, queda en lugar de la otra.",
            "Somebody else saved a version while you wrote: nothing was saved. What you wrote is still here; if you save again, it takes the other's place.";
        changed_before: "Alguien la cambió mientras la mirabas: no se hizo nada. Esto es lo que hay ahora.",
            "Somebody changed it while you looked: nothing was done. This is what is there now.";
        see_changed: "Ver lo que hay ahora (en otra pestaña)", "See what is there now (in another tab)";
        faulty: "No se guardó: hay algo que corregir, señalado abajo.", "It was not saved: something has to be mended, as marked below.";
        save: "Guardar como versión nueva", "Save as a new version";
        look: "Ver cómo queda", "See what it looks like";
        preview: "Vista previa", "Preview";
        preview_hint: "Con los ejemplos.", "With the examples.";
        to: "Número para calcular el coste", "Number to tell the cost by";
        cost: "Coste", "Cost";
        cost_unknown: "depende del destino.", "depends on the destination.";
        nothing_yet: "Escribe un texto para ver cómo queda.", "Write a text to see what it looks like.";
        twice: "Está dos veces.", "It is there twice.";
        not_number: "No es un número.", "This is no number.";
        not_flag: "Escribe sí o no.", "Write yes or no.";
        bad_place: "Cada línea es un número del proveedor, = y un dato.", "Each line is a number of the provider's, =, and a value.";
        made_of: "De qué plantilla es", "Which template it is made of";
        choose: "Plantilla", "Template";
        none_chosen: "sin plantilla", "no template";
        take: "Elegir", "Choose";
        gets: "Recibirá", "What will arrive";
        goes_instead: "El proveedor envía su propia plantilla:", "The provider sends its own template:";
        by_default: "si no:", "otherwise:";
        as_in: "p. ej.", "e.g.";
        incomplete: "Falta algo en la plantilla.", "Something is missing in the template.";
        missing: "Falta:", "Missing:";
        fill_in: "Rellena este dato.", "Fill this in.";
    }
}

/// What the checker of templates means, for those who do not read its own words.
pub(in crate::web::console) fn fault(locale: Locale, code: &str) -> Option<&'static str> {
    if locale == Locale::En {
        return None;
    }
    Some(match code {
        "not-a-name" => "No sirve como nombre: letras sin acento, cifras y _, empezando por una letra.",
        "no-example" => "Falta un ejemplo para la vista previa, o lo que se envía si no se da.",
        "too-many" => "Hay demasiados datos.",
        "too-many-or-none" => "Hace falta un idioma al menos, y caben 30.",
        "not-a-locale" => "No es un idioma: escribe es, es-MX o en.",
        "twice" => "Está dos veces.",
        "no-body" => "Falta el texto del idioma principal.",
        "length" => "El texto debe tener de 1 a 8000 caracteres.",
        "undeclared-variable" => "Usa un dato que no está declarado.",
        "unknown-word" => "Usa una palabra que no existe.",
        "syntax" => "No se puede leer.",
        "not-rendered" => "Falla con estos datos.",
        "not-an-id" => "Falta el id de la plantilla del proveedor, o no puede ser uno.",
        "missing-variable" => "Falta un dato.",
        "empty" => "No queda nada del texto.",
        "unknown-template" | "unknown-version" => "No hay tal plantilla.",
        "archived-template" => "La plantilla está archivada.",
        _ => "No es válido.",
    })
}
