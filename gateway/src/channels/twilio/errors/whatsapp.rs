//! Codes of the channels that are not SMS.

super::table! {
    63003 Permanent;
    es "El canal no encuentra al destinatario"
       "Comprueba el número con el contacto y que tenga cuenta en ese canal."
    en "The channel does not find the recipient"
       "Check the number with the contact, and that they have an account in that channel."

    63007 Sender;
    es "La cuenta no tiene ese remitente en el canal"
       "Da de alta el remitente en la consola de Twilio, o pon en `from` uno que ya lo esté."
    en "The account has no such sender in the channel"
       "Register the sender in Twilio's console, or set `from` to one that is."

    63010 RetryLater(None);
    es "Twilio tuvo un error interno con el mensaje"
       "Envía otra vez; si falla igual, escribe al soporte de Twilio."
    en "Twilio had an internal error with the message"
       "Send again; if it fails the same way, write to Twilio's support."

    63012 RetryLater(None);
    es "El proveedor del canal tuvo un error interno"
       "Envía otra vez más tarde; si dura, mira el estado del servicio del canal."
    en "The channel's provider had an internal error"
       "Send again later; if it lasts, see the state of the channel's service."

    63013 Permanent;
    es "El mensaje va contra las reglas del canal"
       "Cambia el contenido conforme a las reglas del canal, y revisa que la cuenta no tenga sanciones."
    en "The message is against the channel's rules"
       "Change the content to follow the channel's rules, and check that the account is not restricted."

    63014 OptedOut;
    es "El destinatario bloqueó al remitente"
       "No le envíes más mensajes por este canal."
    en "The recipient blocked the sender"
       "Send no more messages through this channel."

    63015 Configuration;
    es "El destinatario no se ha unido al entorno de pruebas"
       "Pídele que envíe al número de pruebas la palabra que muestra la consola de Twilio, o usa un remitente propio."
    en "The recipient has not joined the sandbox"
       "Ask them to send the word shown in Twilio's console to the sandbox number, or use a sender of your own."

    63016 Permanent;
    es "Pasaron más de 24 horas desde el último mensaje del contacto"
       "Envía una plantilla aprobada de WhatsApp, o espera a que el contacto escriba."
    en "More than 24 hours have passed since the contact's last message"
       "Send an approved WhatsApp template, or wait for the contact to write."

    63017 RetryLater(None);
    es "Se rebasó la velocidad de envío"
       "Espera un poco y envía más despacio."
    en "The sending rate was exceeded"
       "Wait a little and send more slowly."

    63018 RetryLater(None);
    es "Se rebasó la velocidad de envío del canal"
       "Espera un poco y envía más despacio por este canal."
    en "The channel's sending rate was exceeded"
       "Wait a little and send more slowly through this channel."

    63019 Permanent;
    es "No se pudo descargar un archivo adjunto"
       "Comprueba que la dirección abra desde internet sin contraseña y con el tipo de contenido correcto."
    en "An attached file could not be downloaded"
       "Check that its address opens from the internet without a password and with the right content type."

    63021 Permanent;
    es "El canal no admite ese contenido"
       "Cambia el texto o el archivo por un tipo que el canal admita."
    en "The channel does not take that content"
       "Change the text or the file to a kind that the channel takes."

    63024 Permanent;
    es "El destinatario no es válido"
       "Comprueba el número con el contacto y que tenga cuenta en ese canal."
    en "The recipient is not valid"
       "Check the number with the contact, and that they have an account in that channel."

    63027 Configuration;
    es "La plantilla no existe en ese idioma"
       "Crea y aprueba la plantilla en ese idioma, o usa uno de los que tiene."
    en "The template does not exist in that language"
       "Make the template in that language and have it approved, or use one that it has."

    63028 Configuration;
    es "Las variables no son tantas como pide la plantilla"
       "Da un valor a cada variable de la plantilla, sin que sobre ninguno."
    en "There are not as many variables as the template asks for"
       "Give a value to each variable of the template, and no more."

    63029 Configuration;
    es "El teléfono del destinatario no pudo cargar la plantilla"
       "Revisa en la consola de Twilio que la plantilla siga aprobada y completa."
    en "The recipient's phone could not load the template"
       "Check in Twilio's console that the template is still approved and complete."

    63030 Configuration;
    es "Un dato de la plantilla no se admite en ese canal"
       "Quita de la plantilla lo que el canal no admite."
    en "A value of the template is not supported in that channel"
       "Take out of the template what the channel does not support."

    63031 Permanent;
    es "El remitente y el destinatario son el mismo"
       "Envía a otro destinatario."
    en "Sender and recipient are the same"
       "Send to another recipient."

    63032 Permanent;
    es "WhatsApp no deja enviar ese mensaje a este usuario"
       "No insistas: es un límite de WhatsApp; contacta a la persona por SMS."
    en "WhatsApp does not let that message go to this user"
       "Do not insist: it is a limit of WhatsApp's; reach the person by SMS."

    63033 Permanent;
    es "El destinatario tiene bloqueada la recepción de mensajes"
       "No insistas: quítalo de la lista de envío, o desbloquéalo si lo bloqueó tu cuenta."
    en "The recipient is blocked from receiving messages"
       "Do not insist: take them off the mailing list, or unblock them if your account blocked them."

    63034 Permanent;
    es "Un archivo adjunto es demasiado grande"
       "Reduce el archivo o envía un enlace."
    en "An attached file is too large"
       "Make the file smaller or send a link."

    63038 RetryLater(Some(super::DAY));
    es "La cuenta alcanzó su tope diario de mensajes"
       "Envía mañana, o pide a Twilio un tope mayor."
    en "The account reached its daily cap of messages"
       "Send tomorrow, or ask Twilio for a higher cap."

    63040 Configuration;
    es "WhatsApp rechazó la plantilla"
       "Corrige la plantilla según el motivo del rechazo y pide su aprobación otra vez."
    en "WhatsApp rejected the template"
       "Correct the template by the reason of the rejection and ask for approval again."

    63041 Configuration;
    es "WhatsApp puso la plantilla en pausa"
       "Usa otra plantilla mientras dura la pausa, y mejora la que recibió quejas."
    en "WhatsApp paused the template"
       "Use another template while the pause lasts, and improve the one that drew complaints."

    63042 Configuration;
    es "WhatsApp desactivó la plantilla"
       "Crea otra plantilla y pide su aprobación."
    en "WhatsApp disabled the template"
       "Make another template and ask for its approval."

    63051 Configuration;
    es "La cuenta de WhatsApp Business está bloqueada"
       "Resuelve el bloqueo con Meta en el administrador de WhatsApp Business."
    en "The WhatsApp Business account is locked"
       "Settle the lock with Meta in the WhatsApp Business manager."
}
