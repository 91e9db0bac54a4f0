//! What the pages of bulk sends say.

use super::words;
use crate::message::Locale;
use crate::store::{BulkState, RecipientState};

words! {
    /// About bulk sends.
    BulkWords {
        new: "Nuevo envío masivo", "New bulk send";
        none: "Todavía no hay envíos masivos.", "There are no bulk sends yet.";
        unnamed: "Sin nombre", "No name";
        name_hint: "Solo para reconocerlo aquí.", "Only to know it by here.";
        recipients: "Destinatarios", "Recipients";
        recipients_hint: "Uno por línea. O un CSV con una primera línea de nombres: la columna «para» es el número, «idioma» el idioma, y las demás son los datos de la plantilla.",
            "One a line. Or CSV with names in its first line: the column \"to\" is the number, \"locale\" the language, and all others are values of the template.";
        template: "Plantilla", "Template";
        no_template: "ninguna: escribo el texto", "none: I write the text";
        version: "versión", "version";
        text: "Texto", "Text";
        at_once: "Vacío: ahora mismo.", "Empty: right now.";
        look: "Revisar antes de enviar", "Look at it before it is sent";
        look_again: "Revisar otra vez", "Look again";
        changed: "Cambió desde la última revisión: míralo otra vez.", "It changed since it was looked at: look again.";
        preview: "Qué se enviaría", "What would be sent";
        valid: "se pueden enviar", "can be sent to";
        wrong: "no se pueden enviar", "can't be sent to";
        wrong_ones: "Qué está mal", "What is wrong";
        line: "Línea", "Line";
        problem: "Por qué", "Why";
        and_more: "y más:", "and more:";
        first: "El primero", "The first";
        cost: "Coste", "Cost";
        send_now: "Enviar a", "Send to";
        nobody: "No hay nadie a quien se pueda enviar.", "There is nobody who can be sent to.";
        gate_hint: "Quien se dio de baja no recibe nada; eso se sabe al enviar.",
            "Who has opted out is sent nothing; that is found out when it is sent.";
        both_or_none: "Elige una plantilla o escribe un texto: uno de los dos.", "Choose a template or write a text: one of the two.";
        how_many: "Hacen falta de 1 a 10 000 destinatarios.", "It takes 1 to 10,000 recipients.";
        name_long: "El nombre puede tener 200 caracteres.", "A name may have 200 characters.";
        no_number_column: "Ninguna columna de la primera línea es el número: llama a una «para».",
            "No column of the first line is the number: call one \"to\".";
        column_names: "Dos columnas se llaman igual, o una no tiene nombre.", "Two columns have the same name, or one has none.";
        too_many_columns: "Hay más datos que columnas en la línea", "There are more values than columns in line";
        open_quote: "Falta cerrar unas comillas en la línea", "A quote is opened and not closed in line";
        progress: "Cuánto falta", "How far it has come";
        settled: "de", "of";
        planned: "Sale", "Leaves";
        made: "Creado", "Made";
        finished: "Terminó", "Finished";
        pause: "Pausar", "Pause";
        resume: "Continuar", "Resume";
        cancel: "Cancelar lo que falta", "Cancel the rest";
        over: "Ya terminó: no hay nada que cambiar.", "It has come to its end: there is nothing to change.";
        not_reached: "A quién no llegó", "Who was not reached";
        who: "Destinatario", "Recipient";
        nobody_here: "Nadie por ahora.", "Nobody so far.";
        see_all: "Ver los no alcanzados", "See who was not reached";
        more_of_them: "Siguientes", "Next ones";
        message: "Ver el mensaje", "See the message";
    }
}

/// Where a bulk send stands: the look of it, and the word.
pub(in crate::web::console) fn bulk_state(locale: Locale, state: BulkState) -> (&'static str, &'static str) {
    let (look, es, en) = match state {
        BulkState::Running => ("sending", "en marcha", "running"),
        BulkState::Paused => ("unknown", "en pausa", "paused"),
        BulkState::Canceled => ("failed", "cancelado", "canceled"),
        BulkState::Done => ("delivered", "terminado", "done"),
    };
    (look, if locale == Locale::Es { es } else { en })
}

/// Where recipients stand: the look of it, and the word.
pub(in crate::web::console) fn recipient_state(locale: Locale, state: RecipientState) -> (&'static str, &'static str) {
    let (look, es, en) = match state {
        RecipientState::Waiting => ("pending", "en espera", "waiting"),
        RecipientState::Submitted => ("sending", "en camino", "on their way"),
        RecipientState::Sent => ("sent", "enviados", "sent"),
        RecipientState::Delivered => ("delivered", "entregados", "delivered"),
        RecipientState::Failed => ("failed", "fallidos", "failed"),
        RecipientState::Refused => ("failed", "rechazados", "refused"),
        RecipientState::Duplicate => ("unknown", "repetidos", "repeated"),
        RecipientState::Canceled => ("canceled", "cancelados", "canceled"),
    };
    (look, if locale == Locale::Es { es } else { en })
}
