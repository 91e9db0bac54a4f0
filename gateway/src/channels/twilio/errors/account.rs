//! Codes about the account and the API itself, whatever the request was.

super::table! {
    20003 Account;
    es "Twilio no aceptó las credenciales"
       "Revisa `account_sid` y `auth_token` (o `api_key` y `api_key_secret`) del canal, y que la cuenta no esté suspendida."
    en "Twilio did not accept the credentials"
       "Check the channel's `account_sid` and `auth_token` (or `api_key` and `api_key_secret`), and that the account is not suspended."

    20004 Account;
    es "Twilio no permite ese método en esa dirección"
       "Revisa `base_url` del canal: debe ser la API de Twilio, sin la parte que sigue al servidor."
    en "Twilio does not allow that method at that address"
       "Check the channel's `base_url`: it must be Twilio's API, without the part that follows the host."

    20005 Account;
    es "La cuenta de Twilio no está activa"
       "Reactiva la cuenta en la consola de Twilio o escribe a su soporte."
    en "The Twilio account is not active"
       "Reactivate the account in Twilio's console or write to their support."

    20006 Account;
    es "Las credenciales no dan acceso a ese recurso"
       "Usa una clave de API que permita enviar mensajes, o el token de la misma cuenta que `account_sid`."
    en "The credentials give no access to that resource"
       "Use an API key that may send messages, or the token of the same account as `account_sid`."

    20007 Permanent;
    es "La página que se pidió es demasiado grande"
       "Pide 1000 elementos por página como máximo."
    en "The page that was asked for is too large"
       "Ask for 1000 items a page at most."

    20008 Account;
    es "Las credenciales de prueba no sirven para esto"
       "Pon en el canal las credenciales reales de la cuenta en lugar de las de prueba."
    en "Test credentials can't do this"
       "Put the account's live credentials in the channel instead of the test ones."

    20009 RetryLater(Some(super::MINUTE));
    es "El mensaje aún no termina y no se puede borrar"
       "Espera al menos un minuto y vuelve a intentarlo; hay mensajes que tardan días en llegar a su estado final."
    en "The message is not finished yet and can't be deleted"
       "Wait a minute at least and try again; some messages take days to reach their final status."

    20010 Account;
    es "Esa acción está desactivada en la cuenta"
       "Pide al soporte de Twilio que active el envío de mensajes en la cuenta."
    en "That action is disabled for the account"
       "Ask Twilio's support to enable sending messages for the account."

    20011 Account;
    es "Twilio no acepta esa versión de TLS"
       "Actualiza Recado, o el proxy que esté entre él y Twilio: se pide TLS 1.2 o más nuevo."
    en "Twilio does not take that version of TLS"
       "Update Recado, or the proxy between it and Twilio: TLS 1.2 or newer is asked for."

    20012 Account;
    es "Twilio no acepta ninguno de los cifrados de TLS ofrecidos"
       "Actualiza Recado, o el proxy que esté entre él y Twilio: sus cifrados son demasiado viejos."
    en "Twilio takes none of the TLS ciphers that were offered"
       "Update Recado, or the proxy between it and Twilio: its ciphers are too old."

    20404 Permanent;
    es "Twilio no encuentra lo que se pidió"
       "Revisa que el mensaje no se haya borrado y que `account_sid` y `base_url` del canal sean los correctos."
    en "Twilio does not find what was asked for"
       "Check that the message was not deleted, and that the channel's `account_sid` and `base_url` are right."

    20429 Busy(crate::channels::Scope::Channel);
    es "Demasiadas peticiones a Twilio a la vez"
       "No se envió y se puede repetir sin riesgo; si ocurre seguido, baja `delivery.parallel`."
    en "Too many requests to Twilio at once"
       "It was not sent and may safely be repeated; if it happens often, lower `delivery.parallel`."

    20500 Ambiguous;
    es "Twilio tuvo un error interno"
       "El mensaje pudo haberse creado: búscalo en la consola de Twilio antes de enviarlo otra vez."
    en "Twilio had an internal error"
       "The message may have been made: look for it in Twilio's console before sending it again."

    20503 Ambiguous;
    es "Twilio no estaba disponible"
       "El mensaje pudo haberse creado: búscalo en la consola de Twilio, y mira status.twilio.com antes de enviarlo otra vez."
    en "Twilio was not available"
       "The message may have been made: look for it in Twilio's console, and see status.twilio.com before sending it again."

    572_006 Account;
    es "Una cuenta de prueba solo envía las plantillas de Twilio"
       "Pasa la cuenta de Twilio a una de pago para enviar textos propios."
    en "A trial account sends only Twilio's own templates"
       "Upgrade the Twilio account to send texts of your own."
}
