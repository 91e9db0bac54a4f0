//! What the page of a person says.

use super::words;

words! {
    /// About a person.
    ContactWords {
        open: "Ver todo sobre esta persona", "All about this person";
        unnamed: "Sin nombre", "No name";
        known_since: "Desde", "Since";
        addresses: "Direcciones", "Addresses";
        attributes: "Datos", "Attributes";
        no_attributes: "Sin datos.", "No attributes.";
        attribute: "Dato", "Attribute";
        value: "Valor", "Value";
        remove: "Quitar", "Remove";
        bad_name: "El nombre puede tener 200 caracteres y una sola línea.", "A name may have 200 characters, on one line.";
        bad_attribute: "Un dato tiene un nombre de 64 caracteres como mucho y un valor de 4000.",
            "An attribute has a name of 64 characters at the most, and a value of 4,000.";
        too_many: "No caben más datos: quita alguno antes.", "There is no room for more: remove one first.";
        consents: "Consentimiento", "Consent";
        no_consents: "Nunca dijo nada: se le puede escribir.", "Never said anything: may be written to.";
        history: "Cómo llegó a ser así", "How it came about";
        source: "Quién lo dijo", "Who said so";
        proof: "Prueba", "Proof";
        by_message: "la persona", "the person";
        by_provider: "el proveedor", "the provider";
        by_import: "una lista importada", "an imported list";
        by_api: "una aplicación", "an application";
        by_console: "alguien a mano", "somebody by hand";
        opt_out: "Dar de baja a mano", "Opt them out by hand";
        opt_out_means: "No se le envía nada más por ahí, y lo que espera para salir se cancela. Hazlo si te lo pidió.",
            "Nothing more is sent to them there, and what waits to be sent ends. Do it if they asked you to.";
        opt_out_everywhere: "Vale para todas sus direcciones y todos los canales.", "It counts for all of their addresses and all channels.";
        opt_out_now: "Sí, dar de baja", "Yes, opt them out";
        opt_in: "Dar de alta a mano", "Opt them in by hand";
        opt_in_means: "Se le vuelve a escribir. Hazlo solo si te lo pidió.", "They are written to again. Do it only if they asked you to.";
        opt_in_own: "Se dio de baja con sus propias palabras: apunta cómo y cuándo pidió volver. Si fue con STOP, es posible que el proveedor no entregue nada hasta que envíe START.",
            "They opted out by their own word: write down how and when they asked to come back. If that was by STOP, the provider may deliver nothing until they text START.";
        opt_in_now: "Sí, dar de alta", "Yes, opt them in";
        way: "Dónde", "Where";
        proof_wanted: "Qué lo prueba: quién lo pidió, cuándo y con qué palabras", "What there is to show: who asked for it, when, and in which words";
        proof_missing: "Apunta qué lo prueba: hasta 2000 caracteres.", "Write down what there is to show: up to 2,000 characters.";
        way_missing: "Elige dónde.", "Choose where.";
        known: "Ya constaba así: no cambió nada.", "That was known: nothing changed.";
        its_message: "su mensaje", "the message";
        erase: "Borrar a esta persona", "Erase this person";
        erase_means: "Se borran su nombre, sus datos, los textos y archivos de todos sus mensajes, las notas y lo que los plugins recuerdan. Lo que espera para salir se cancela. No hay vuelta atrás.",
            "Their name, attributes, the texts and files of all messages, notes, and what plugins remember are erased. What waits to be sent is canceled. There is no way back.";
        erase_stays: "Quedan números, horas y estados sin texto, y si se dio de baja: nadie le vuelve a escribir por eso. El proveedor guarda lo suyo.",
            "Numbers, times and statuses stay without texts, and so does an opting out: nobody writes to them because of this. The provider keeps its own.";
        erase_sure: "Sí, borrar todo sobre esta persona", "Yes, erase all about this person";
        erase_now: "Borrar para siempre", "Erase for ever";
        not_sure: "Marca que sí, si hay que borrar a esta persona.", "Tick yes if this person is to be erased.";
        under_way: "Algo sigue en camino: un mensaje se está enviando o procesando, o el proveedor lo guarda hasta su hora. Cancela allí lo programado, o prueba en un rato.",
            "Something is still on its way: a message is being sent or processed, or the provider keeps it until its time. Cancel what is planned there, or try again in a while.";
        erased: "La persona fue borrada.", "The person was erased.";
        was_erased: "Esta persona fue borrada.", "This person was erased.";
    }
}

impl ContactWords {
    pub(in crate::web::console) fn source(&self, source: &str) -> &'static str {
        match source {
            "message" => self.by_message,
            "provider" => self.by_provider,
            "import" => self.by_import,
            "console" => self.by_console,
            _ => self.by_api,
        }
    }
}
