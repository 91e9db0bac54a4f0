//! What the console says, in each language. A word that is missing in one of them does not compile.

mod bulks;
mod contact;
mod decided;
mod gate;
mod more;
mod people;
mod plugin;
mod templates;
mod undone;

use crate::message::{ConversationStatus, Locale, Status};
use crate::store::Role;

pub(super) use bulks::{BulkWords, bulk_state, recipient_state};
pub(super) use contact::ContactWords;
pub(super) use decided::{DecidedWords, decided, effect, hook};
pub(super) use gate::{gate, outcome, refused_for};
pub(super) use more::More;
pub(super) use people::PeopleWords;
pub(super) use plugin::PluginWords;
pub(super) use templates::{TemplateWords, fault};
pub(super) use undone::{not_canceled, not_retried, taken_back};

/// Makes a struct with a field for each word, and what it is in each language.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $es:literal, $en:literal;)* }) => {
        $(#[$doc])*
        pub(in crate::web::console) struct $name { $(pub(in crate::web::console) $field: &'static str,)* }

        impl $name {
            pub(in crate::web::console) fn of(locale: $crate::message::Locale) -> &'static Self {
                static ES: $name = $name { $($field: $es,)* };
                static EN: $name = $name { $($field: $en,)* };
                match locale {
                    $crate::message::Locale::Es => &ES,
                    $crate::message::Locale::En => &EN,
                }
            }
        }
    };
}
use words;

words! {
    /// What is on every page, on the sign-in page, and about conversations.
    Words {
        language: "es", "en";
        skip: "Ir al contenido", "Skip to content";
        inbox: "Conversaciones", "Conversations";
        bulks: "Envíos masivos", "Bulk sends";
        dashboard: "Resumen", "Overview";
        channels: "Canales", "Channels";
        plugins: "Plugins", "Plugins";
        endpoints: "Endpoints", "Endpoints";
        users: "Equipo", "Team";
        people: "Personas", "People";
        account: "Tu cuenta", "Your account";
        sign_in: "Entrar", "Sign in";
        sign_out: "Salir", "Sign out";
        sign_in_title: "Entra a la consola", "Sign in to the console";
        name: "Nombre", "Name";
        password: "Contraseña", "Password";
        wrong: "El nombre o la contraseña no son correctos.", "The name or the password is not right.";
        too_often: "Demasiados intentos. Espera unos minutos y prueba otra vez.",
            "Too many attempts. Wait some minutes and try again.";
        no_users: "Todavía no hay nadie que pueda entrar. Crea a la primera persona con:",
            "Nobody can sign in yet. Make the first person with:";
        main_menu: "Menú principal", "Main menu";
        you_are: "Has entrado como", "You are signed in as";
        save: "Guardar", "Save";
        back: "Volver", "Back";

        search: "Buscar", "Search";
        search_hint: "Número, nombre o texto", "Number, name or text";
        searched: "Los textos se buscan desde tres letras, en los 20,000 mensajes más recientes.",
            "Texts are searched from three letters on, in the newest 20,000 messages.";
        status: "Estado", "Status";
        open_ones: "Abiertas", "Open";
        all_ones: "Todas", "All";
        pending: "Pendiente", "Pending";
        active: "Activa", "Active";
        closed: "Cerrada", "Closed";
        channel: "Canal", "Channel";
        any_channel: "Todos", "All";
        assignee: "Responsable", "Assignee";
        anybody: "Cualquiera", "Anybody";
        nobody: "Nadie", "Nobody";
        me: "Yo", "Me";
        tag: "Etiqueta", "Tag";
        unread_only: "Solo sin leer", "Unread only";
        apply: "Filtrar", "Filter";
        no_conversations: "No hay conversaciones aquí.", "There are no conversations here.";
        first_text: "Cuando alguien escriba, aparecerá aquí sin recargar la página.",
            "When somebody writes, it shows up here without a reload.";
        unread: "sin leer", "unread";
        next_page: "Más antiguas", "Older";
        first_page: "Al principio", "To the newest";
        you: "Tú:", "You:";
        picture_or_nothing: "(sin texto)", "(no text)";
        keys_inbox: "Teclas: j y k para moverse, Intro para abrir, / para buscar.",
            "Keys: j and k to move, Enter to open, / to search.";
        keys_thread: "Teclas: r para escribir, Ctrl+Intro para enviar, u para volver.",
            "Keys: r to write, Ctrl+Enter to send, u to go back.";

        messages: "Mensajes", "Messages";
        older: "Mensajes anteriores", "Earlier messages";
        no_messages: "Todavía no hay mensajes.", "There are no messages yet.";
        answer: "Respuesta", "Answer";
        write_here: "Escribe tu respuesta…", "Write your answer…";
        send: "Enviar", "Send";
        write_at: "Dónde", "Where";
        attach: "Adjuntar", "Attach";
        attach_files: "Fotos, sonidos, vídeos, contactos o PDF", "Pictures, sounds, films, contacts or PDF";
        attached: "Va con el mensaje", "Goes along";
        schedule: "Programar el envío", "Schedule it";
        send_at: "Enviar a esta hora", "Send at this time";
        time_zone: "Hora de", "Time of";
        bad_time: "No se entiende la hora de envío.", "The time to send can't be read.";
        not_sent: "No se envió.", "It was not sent.";
        closed_hint: "La conversación está cerrada: lo que envíes empieza otra.",
            "The conversation is closed: what you send begins another one.";
        viewer_hint: "Puedes leer, pero no responder.", "You can read, but not answer.";
        why: "¿Por qué?", "Why?";
        cancel: "Cancelar el envío", "Take it back";
        retry: "Intentar de nuevo", "Try again";
        from_plugin: "plugin", "plugin";
        by_application: "aplicación", "application";
        leaves_at: "sale", "leaves";
        segments: "segmentos", "segments";
        segment: "segmento", "segment";
        left: "quedan", "left";
        non_gsm: "Estos caracteres lo hacen más largo (UCS-2):", "These characters make it longer (UCS-2):";
        download: "Descargar", "Download";
        not_here_yet: "Llegando…", "On its way…";
        not_available: "No disponible", "Not available";
        conflict: "Dos informes finales se contradicen.", "Two final reports contradict each other.";
        new_message: "Mensaje nuevo", "New message";

        details: "Detalles", "Details";
        contact: "Contacto", "Contact";
        address: "Dirección", "Address";
        opted_out: "Se dio de baja", "Opted out";
        opted_in: "Se dio de alta", "Opted in";
        assign: "Asignar", "Assign";
        take: "Me la quedo", "I take it";
        close: "Cerrar conversación", "Close conversation";
        reopen: "Reabrir", "Reopen";
        another_open: "Hay otra conversación abierta con esta dirección.",
            "Another conversation with this address is open.";
        open_it: "Abrirla", "Open it";
        tags: "Etiquetas", "Tags";
        no_tags: "Sin etiquetas.", "No tags.";
        add_tag: "Añadir etiqueta", "Add a tag";
        remove_tag: "Quitar la etiqueta", "Remove the tag";
        add: "Añadir", "Add";
        notes: "Notas", "Notes";
        notes_hint: "Solo las ve tu equipo.", "Only your team sees them.";
        add_note: "Añadir nota", "Add a note";
        today: "Hoy", "Today";
        yesterday: "Ayer", "Yesterday";
    }
}

impl Words {
    pub(super) fn role(&self, role: Role) -> &'static str {
        match (self.language, role) {
            ("es", Role::Owner) => "propietario",
            ("es", Role::Agent) => "agente",
            ("es", Role::Viewer) => "lector",
            (_, Role::Owner) => "owner",
            (_, Role::Agent) => "agent",
            (_, Role::Viewer) => "viewer",
        }
    }

    pub(super) fn conversation(&self, status: ConversationStatus) -> &'static str {
        match status {
            ConversationStatus::Pending => self.pending,
            ConversationStatus::Active => self.active,
            ConversationStatus::Closed => self.closed,
        }
    }

    pub(super) fn locale(&self) -> Locale {
        Locale::from_tag(self.language)
    }
}

/// Where a message stands, in a word or two.
pub(super) fn status(locale: Locale, status: Status) -> &'static str {
    let (es, en) = match status {
        Status::Pending => ("en espera", "waiting"),
        Status::Unknown => ("por confirmar", "being found out"),
        Status::Scheduled => ("programado", "scheduled"),
        Status::Accepted => ("aceptado", "accepted"),
        Status::Queued => ("en cola", "queued"),
        Status::Sending => ("enviándose", "sending"),
        Status::Sent => ("enviado", "sent"),
        Status::Delivered => ("entregado", "delivered"),
        Status::Undelivered => ("no entregado", "not delivered"),
        Status::Failed => ("fallido", "failed"),
        Status::Canceled => ("cancelado", "canceled"),
        Status::Read => ("leído", "read"),
        Status::Receiving => ("llegando", "arriving"),
        Status::Received => ("recibido", "received"),
    };
    match locale {
        Locale::Es => es,
        Locale::En => en,
    }
}
