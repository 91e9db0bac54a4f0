//! What the pages say that are about people, before somebody is on their own page.

use super::words;

words! {
    /// About finding people, putting them down, and making one of two.
    PeopleWords {
        new: "Persona nueva", "New person";
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
    }
}
