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
        its_message: "su mensaje", "the message";
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
