//! Codes of messages that Twilio took, and that then did not arrive or came with a warning.

super::table! {
    14107 RetryLater(Some(super::HALF_A_MINUTE));
    es "Demasiados mensajes seguidos entre los mismos dos números"
       "Revisa que dos sistemas no se estén contestando sin fin, y espera 30 segundos antes de enviar otra vez."
    en "Too many messages in a row between the same two numbers"
       "Check that two systems are not answering each other without end, and wait 30 seconds before sending again."

    30001 Busy(crate::channels::Scope::Sender);
    es "La cola de envío se desbordó"
       "Envía otra vez en unos minutos; si ocurre seguido, agrega números al servicio de mensajería."
    en "The sending queue overflowed"
       "Send again in some minutes; if it happens often, add numbers to the messaging service."

    30002 Account;
    es "La cuenta se suspendió antes de enviarlo"
       "Reactiva la cuenta en la consola de Twilio y envía otra vez."
    en "The account was suspended before it was sent"
       "Reactivate the account in Twilio's console and send again."

    30003 RetryLater(None);
    es "El teléfono está apagado o sin señal"
       "Envía otra vez más tarde, pocas veces y espaciadas; si sigue igual, comprueba el número con el contacto."
    en "The phone is off or has no signal"
       "Send again later, few times and far apart; if nothing changes, check the number with the contact."

    30004 Permanent;
    es "El mensaje está bloqueado para ese destinatario"
       "No insistas: pudo haberse dado de baja o su línea no admite estos mensajes; contáctalo por otro medio."
    en "The message is blocked for that recipient"
       "Do not insist: they may have opted out or their line takes no such messages; reach them another way."

    30005 Permanent;
    es "El número no existe o ya no está activo"
       "Comprueba el número con el contacto o deja de usarlo."
    en "The number does not exist or is no longer active"
       "Check the number with the contact or stop using it."

    30006 Permanent;
    es "El número es fijo o su operadora no recibe SMS"
       "Pide al contacto un número de celular."
    en "The number is a landline or its carrier takes no SMS"
       "Ask the contact for a mobile number."

    30007 Permanent;
    es "Twilio o la operadora filtró el mensaje"
       "Revisa el texto (enlaces acortados, tono de spam, temas prohibidos) y el registro del remitente antes de seguir enviando."
    en "Twilio or the carrier filtered the message"
       "Review the text (shortened links, spam-like words, forbidden subjects) and the sender's registration before sending more."

    30008 RetryLater(None);
    es "No se entregó y la operadora no dijo por qué"
       "Envía otra vez una sola vez; si falla igual, comprueba el número o escribe al soporte de Twilio."
    en "It was not delivered and the carrier did not say why"
       "Send again once; if it fails the same way, check the number or write to Twilio's support."

    30009 Notice;
    es "Falta una parte de un mensaje recibido"
       "Pide al contacto que lo envíe otra vez si no se entiende."
    en "A part of a received message is missing"
       "Ask the contact to send it again if it makes no sense."

    30010 Permanent;
    es "El mensaje cuesta más que el precio máximo"
       "Sube o quita el precio máximo de la petición, o acorta el texto."
    en "The message costs more than the highest price"
       "Raise the highest price of the request or leave it out, or shorten the text."

    30011 Permanent;
    es "El número del destinatario no recibe MMS en su región"
       "Envía solo texto, con un enlace al archivo."
    en "The recipient's number takes no MMS in its region"
       "Send text alone, with a link to the file."

    30012 Configuration;
    es "El tiempo de validez es demasiado corto"
       "Sube `validity` del canal, o quítalo."
    en "The validity period is too short"
       "Raise the channel's `validity`, or leave it out."

    30013 Configuration;
    es "El tiempo de validez es demasiado largo"
       "Baja `validity` del canal a 36000 segundos o menos, o quítalo."
    en "The validity period is too long"
       "Lower the channel's `validity` to 36000 seconds or less, or leave it out."

    30014 Configuration;
    es "Los datos del destinatario no son válidos"
       "Escribe el destinatario en la forma que pide el canal: con + y código de país si es un número."
    en "The recipient's details are not valid"
       "Write the recipient in the form the channel asks for: with + and country code if it is a number."

    30015 Configuration;
    es "Twilio no admite ese tipo de canal"
       "Envía por SMS, o por un canal que la cuenta tenga activo."
    en "Twilio does not support that type of channel"
       "Send by SMS, or by a channel that is enabled for the account."

    30016 Configuration;
    es "El remitente y el destinatario son de canales distintos"
       "Usa un remitente del mismo canal que el destinatario: SMS con SMS, WhatsApp con WhatsApp."
    en "Sender and recipient are of different channels"
       "Use a sender of the recipient's channel: SMS with SMS, WhatsApp with WhatsApp."

    30017 RetryLater(None);
    es "La red de la operadora está saturada"
       "Envía otra vez más tarde: Twilio ya lo intentó varias veces."
    en "The carrier's network is congested"
       "Send again later: Twilio has already tried several times."

    30018 Configuration;
    es "La operadora exige registrar antes el nombre del remitente"
       "Registra el nombre en la consola de Twilio para ese país, o envía desde un número."
    en "The carrier requires the sender's name to be registered first"
       "Register the name for that country in Twilio's console, or send from a number."

    30019 Permanent;
    es "El contenido es más grande de lo que admite la operadora"
       "Reduce los archivos (unos 500 KB si no son imágenes) o envía un enlace."
    en "The content is larger than the carrier takes"
       "Make the files smaller (about 500 KB if they are not pictures) or send a link."

    30020 RetryLater(None);
    es "Twilio falló al programar el mensaje"
       "Envía otra vez; si falla igual, escribe al soporte de Twilio."
    en "Twilio failed to schedule the message"
       "Send again; if it fails the same way, write to Twilio's support."

    30021 RetryLater(None);
    es "El servicio de mensajería de Twilio tuvo un error interno"
       "Envía otra vez; si falla igual, escribe al soporte de Twilio."
    en "Twilio's messaging service had an internal error"
       "Send again; if it fails the same way, write to Twilio's support."

    30022 RetryLater(Some(super::MINUTE));
    es "Se rebasó la velocidad de envío de la campaña A2P 10DLC"
       "Envía más despacio, o pide más velocidad para la campaña en la consola de Twilio."
    en "The A2P 10DLC campaign's sending rate was exceeded"
       "Send more slowly, or ask for a higher rate for the campaign in Twilio's console."

    30023 RetryLater(Some(super::DAY));
    es "Se alcanzó el tope diario de la marca A2P 10DLC"
       "Envía mañana: el tope vuelve a cero a medianoche, hora del Pacífico de EE. UU."
    en "The A2P 10DLC brand's daily cap was reached"
       "Send tomorrow: the cap starts anew at midnight, US Pacific time."

    30024 Configuration;
    es "La operadora no tiene dado de alta al remitente"
       "Pide a Twilio que dé de alta el número con esa operadora, o envía desde otro."
    en "The carrier has not provisioned the sender"
       "Ask Twilio to provision the number with that carrier, or send from another one."

    30025 Notice;
    es "Se usó la mitad del tope diario en T-Mobile"
       "Reparte lo que queda del día: al llegar al tope, T-Mobile ya no entrega."
    en "Half of T-Mobile's daily limit is used"
       "Spread what is left of the day: at the limit T-Mobile stops delivering."

    30026 Notice;
    es "Se usó el 70 % del tope diario en T-Mobile"
       "Deja para mañana lo que no urja: al llegar al tope, T-Mobile ya no entrega."
    en "70 % of T-Mobile's daily limit is used"
       "Leave what is not urgent for tomorrow: at the limit T-Mobile stops delivering."

    30027 RetryLater(Some(super::DAY));
    es "Se alcanzó el tope diario en T-Mobile"
       "Envía mañana: el tope vuelve a cero a medianoche, hora del Pacífico de EE. UU."
    en "T-Mobile's daily limit was reached"
       "Send tomorrow: the limit starts anew at midnight, US Pacific time."

    30032 Configuration;
    es "El número gratuito (toll-free) no está verificado"
       "Completa la verificación del número en la consola de Twilio, o envía desde otro."
    en "The toll-free number is not verified"
       "Complete the number's verification in Twilio's console, or send from another one."

    30033 Configuration;
    es "La campaña A2P 10DLC está suspendida"
       "Mira en la consola de Twilio por qué se suspendió la campaña y corrígelo con su soporte."
    en "The A2P 10DLC campaign is suspended"
       "See in Twilio's console why the campaign was suspended and put it right with their support."

    30034 Configuration;
    es "El remitente no está registrado en A2P 10DLC"
       "Agrega el número a una campaña A2P 10DLC aprobada; sin ella no se entrega en EE. UU."
    en "The sender is not registered for A2P 10DLC"
       "Add the number to an approved A2P 10DLC campaign; without one nothing is delivered in the US."

    30035 RetryLater(None);
    es "El remitente todavía se está dando de alta en A2P 10DLC"
       "Espera a que la consola de Twilio muestre el número como registrado y envía otra vez."
    en "The sender is still being set up for A2P 10DLC"
       "Wait until Twilio's console shows the number as registered and send again."

    30036 RetryLater(None);
    es "El mensaje caducó en la cola de Twilio"
       "Envía otra vez si aún hace falta; si ocurre seguido, sube `validity` del canal o agrega números."
    en "The message expired in Twilio's queue"
       "Send again if it is still wanted; if it happens often, raise the channel's `validity` or add numbers."

    30045 Configuration;
    es "El tiempo de validez es negativo o pasa del máximo"
       "Pon `validity` del canal entre 1 y 36000 segundos, o quítalo."
    en "The validity period is below zero or above the most"
       "Set the channel's `validity` between 1 and 36000 seconds, or leave it out."

    30410 Ambiguous;
    es "La operadora no contestó a tiempo"
       "Pudo haber llegado: pregunta al contacto antes de enviarlo otra vez, para no duplicarlo."
    en "The carrier did not answer in time"
       "It may have arrived: ask the contact before sending it again, so that it is not received twice."

    30450 Permanent;
    es "La entrega del mensaje está bloqueada"
       "Revisa en la consola de Twilio el detalle del mensaje y las protecciones contra fraude de la cuenta."
    en "The message's delivery is blocked"
       "See the message's details and the account's protections against fraud in Twilio's console."
}
