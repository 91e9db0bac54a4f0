//! Why a message was not taken back, or is not tried again.

use crate::message::Locale;
use crate::outbound::{CancelError, RetryError};
use crate::store::NotRetried;

/// Why it was not taken back.
pub(in crate::web::console) fn not_canceled(locale: Locale, error: &CancelError) -> String {
    match (locale, error) {
        (Locale::Es, CancelError::TooLate) => "No queda nada que cancelar: ya se envió, o ya terminó.".to_owned(),
        (Locale::Es, CancelError::Provider(reason)) => format!("El proveedor no lo devolvió: {reason}"),
        (_, error) => error.to_string(),
    }
}

/// What becomes of one that was taken back, and may have been sent.
pub(in crate::web::console) fn taken_back(locale: Locale) -> &'static str {
    match locale {
        Locale::Es => "Se pidió cancelarlo: todavía no se sabe si el proveedor lo tiene; si no lo tiene, no se envía.",
        Locale::En => {
            "It was taken back: nobody knows yet whether the provider has it; if it does not, it is not sent."
        }
    }
}

/// Why it is not tried again.
pub(in crate::web::console) fn not_retried(locale: Locale, error: &RetryError) -> String {
    let (Locale::Es, RetryError::Refused(reason)) = (locale, error) else { return error.to_string() };
    let reason = match reason {
        NotRetried::Unknown => "todavía no se sabe si el proveedor lo tiene, y podría llegar dos veces.",
        NotRetried::HandedOver => "el proveedor ya lo tiene.",
        NotRetried::Final => "el proveedor lo rechazó para siempre; otro intento acabaría igual.",
        NotRetried::Canceled => "se canceló.",
        NotRetried::OptedOut => "la persona se dio de baja.",
        NotRetried::Removed => "su texto se borró.",
        NotRetried::Expired => "su plazo ya pasó.",
    };
    format!("No se intenta otra vez: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_in_the_language() {
        let retried = [
            (NotRetried::Unknown, "dos veces"),
            (NotRetried::HandedOver, "ya lo tiene"),
            (NotRetried::Final, "para siempre"),
            (NotRetried::Canceled, "canceló"),
            (NotRetried::OptedOut, "baja"),
            (NotRetried::Removed, "borró"),
            (NotRetried::Expired, "plazo"),
        ];
        for (reason, word) in retried {
            let error = RetryError::Refused(reason);
            let told = not_retried(Locale::Es, &error);
            assert!(told.starts_with("No se intenta otra vez: ") && told.contains(word), "{told}");
            assert_eq!(not_retried(Locale::En, &error), error.to_string());
        }
        let refused = CancelError::Provider("es tarde".to_owned());
        assert_eq!(not_canceled(Locale::Es, &refused), "El proveedor no lo devolvió: es tarde");
        assert!(not_canceled(Locale::Es, &CancelError::TooLate).contains("ya se envió"));
        assert!(taken_back(Locale::Es).contains("si no lo tiene") && taken_back(Locale::En).contains("not sent"));
        assert_eq!(not_canceled(Locale::En, &CancelError::TooLate), CancelError::TooLate.to_string());
    }
}
