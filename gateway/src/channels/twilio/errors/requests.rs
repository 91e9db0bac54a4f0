//! Codes by which Twilio turns down a request to send.

super::table! {
    21211 Permanent;
    es "El número del destinatario no es válido"
       "Corrige el número del contacto: con + y código de país, como en +529981234567."
    en "The recipient's number is not valid"
       "Correct the contact's number: with + and its country code, as in +529981234567."

    21212 Sender;
    es "El remitente no es válido"
       "Pon en `from` del canal un número, código corto o nombre que Twilio te permita usar."
    en "The sender is not valid"
       "Set the channel's `from` to a number, short code or name that Twilio lets you use."

    21214 Permanent;
    es "No hay forma de llegar al número del destinatario"
       "Comprueba el número con el contacto o pídele otro."
    en "There is no way to reach the recipient's number"
       "Check the number with the contact or ask for another one."

    21266 Permanent;
    es "El destinatario y el remitente son el mismo número"
       "Envía a otro número: Twilio no manda mensajes de un número a sí mismo."
    en "Recipient and sender are the same number"
       "Send to another number: Twilio sends no messages from a number to itself."

    21408 Configuration;
    es "La cuenta no tiene permiso para enviar a ese país"
       "Activa el país en los permisos geográficos de SMS de la consola de Twilio y envía otra vez."
    en "The account may not send to that country"
       "Enable the country under SMS geographic permissions in Twilio's console and send again."

    21481 Permanent;
    es "La marca de la página no es de esa lista"
       "Empieza la lista otra vez por su primera página."
    en "The page's token is none of that list"
       "Begin the list again with its first page."

    21601 Sender;
    es "El remitente no puede manejar SMS"
       "Pon en `from` del canal un número de tu cuenta que tenga SMS."
    en "The sender can't do SMS"
       "Set the channel's `from` to a number of your account that has SMS."

    21602 Permanent;
    es "El mensaje no tiene texto"
       "Escribe un texto o adjunta un archivo, y envía otra vez."
    en "The message has no text"
       "Write a text or attach a file, and send again."

    21603 Sender;
    es "Falta el remitente"
       "Pon `from` o `messaging_service_sid` en el canal."
    en "The sender is missing"
       "Set `from` or `messaging_service_sid` in the channel."

    21604 Permanent;
    es "Falta el destinatario"
       "Indica a qué número va el mensaje y envía otra vez."
    en "The recipient is missing"
       "Say which number the message goes to and send again."

    21606 Sender;
    es "El remitente no es un número tuyo que pueda enviar a ese destino"
       "Pon en `from` del canal un número de tu cuenta con SMS que sirva para el país del destinatario."
    en "The sender is not a number of yours that can send there"
       "Set the channel's `from` to a number of your account with SMS that works for the recipient's country."

    21608 Configuration;
    es "La cuenta es de prueba y el destinatario no está verificado"
       "Verifica el número del destinatario en la consola de Twilio, o pasa la cuenta a una de pago y completa su perfil."
    en "The account is a trial and the recipient is not verified"
       "Verify the recipient's number in Twilio's console, or upgrade the account and complete its profile."

    21609 Account;
    es "La dirección de los avisos de estado no es válida"
       "Pon en `server.public_url` una dirección pública, sin guiones bajos en el nombre del servidor."
    en "The address for status reports is not valid"
       "Set `server.public_url` to a public address, with no underscores in the host name."

    21610 OptedOut;
    es "El destinatario se dio de baja"
       "No le envíes más mensajes; para volver a recibirlos debe responder START al remitente."
    en "The recipient opted out"
       "Send no more messages; to receive them again the recipient must answer START to the sender."

    21611 Busy(crate::channels::Scope::Sender);
    es "La cola del remitente está llena"
       "Espera unos minutos; si ocurre seguido, reparte el envío entre más números con un servicio de mensajería."
    en "The sender's queue is full"
       "Wait some minutes; if it happens often, spread sending over more numbers with a messaging service."

    21612 Permanent;
    es "Desde este remitente no se llega a ese destinatario por SMS"
       "Envía desde un número del mismo país que el destinatario, o comprueba que el suyo reciba SMS."
    en "This sender can't reach that recipient by SMS"
       "Send from a number of the recipient's country, or check that theirs receives SMS."

    21614 Permanent;
    es "El número del destinatario no es de un celular"
       "Pide al contacto un número de celular."
    en "The recipient's number is not a mobile one"
       "Ask the contact for a mobile number."

    21617 Permanent;
    es "El texto pasa de 1600 caracteres"
       "Acorta el texto, o pon en el canal `long_text = \"split\"` y `max_text_units` en 1600 o menos."
    en "The text is longer than 1600 characters"
       "Shorten the text, or set `long_text = \"split\"` and `max_text_units` to 1600 or less in the channel."

    21618 Permanent;
    es "Ninguna operadora deja pasar ese texto"
       "Cambia el texto: quita enlaces acortados y contenido prohibido por las operadoras."
    en "No carrier lets that text through"
       "Change the text: take out shortened links and content that carriers forbid."

    21619 Permanent;
    es "El mensaje no tiene texto, archivos ni plantilla"
       "Escribe un texto o adjunta un archivo, y envía otra vez."
    en "The message has no text, media or template"
       "Write a text or attach a file, and send again."

    21620 Permanent;
    es "La dirección de un archivo adjunto no es válida"
       "Usa direcciones http o https completas a las que se llegue desde internet sin contraseña."
    en "The address of an attached file is not valid"
       "Use whole http or https addresses that can be reached from the internet without a password."

    21621 Configuration;
    es "El remitente no puede enviar MMS"
       "Envía solo texto, o desde un número que tenga MMS."
    en "The sender can't send MMS"
       "Send text alone, or from a number that has MMS."

    21622 Configuration;
    es "La cuenta no tiene MMS"
       "Envía solo texto, o pide a Twilio que active MMS en la cuenta."
    en "The account has no MMS"
       "Send text alone, or ask Twilio to enable MMS for the account."

    21623 Permanent;
    es "El mensaje lleva demasiados archivos"
       "Adjunta 10 archivos como máximo."
    en "The message has too many files"
       "Attach 10 files at most."

    21624 Configuration;
    es "El tiempo de validez está fuera de rango"
       "Pon `validity` del canal entre 1 y 36000 segundos, o quítalo."
    en "The validity period is out of range"
       "Set the channel's `validity` between 1 and 36000 seconds, or leave it out."

    21627 Configuration;
    es "El precio máximo no es un número válido"
       "Quita el precio máximo de la petición: Twilio ya no lo usa."
    en "The highest price is not a valid number"
       "Take the highest price out of the request: Twilio no longer uses it."

    21635 Permanent;
    es "El número del destinatario es una línea fija"
       "Pide al contacto un número de celular."
    en "The recipient's number is a landline"
       "Ask the contact for a mobile number."

    21652 Permanent;
    es "El asunto pasa de 40 caracteres"
       "Acorta el asunto a 40 caracteres como máximo."
    en "The subject is longer than 40 characters"
       "Shorten the subject to 40 characters at most."

    21653 Permanent;
    es "El mensaje tiene demasiados destinatarios"
       "Envía un mensaje por cada destinatario."
    en "The message has too many recipients"
       "Send one message to each recipient."

    21654 Configuration;
    es "Hay variables de plantilla, pero no la plantilla"
       "Indica la plantilla (`ContentSid`) a la que pertenecen las variables, o quita las variables."
    en "There are template variables, but no template"
       "Name the template (`ContentSid`) that the variables belong to, or leave the variables out."

    21655 Configuration;
    es "La plantilla no existe o su identificador está mal escrito"
       "Copia de la consola de Twilio el identificador de la plantilla: empieza con HX."
    en "The template does not exist or its id is misspelt"
       "Copy the template's id from Twilio's console: it begins with HX."

    21656 Configuration;
    es "Las variables de la plantilla no se pueden leer"
       "Escribe las variables como un objeto JSON, como en {\"1\": \"Ana\"}, con las que pide la plantilla."
    en "The template's variables can't be read"
       "Write the variables as a JSON object, as in {\"1\": \"Ana\"}, with those that the template asks for."

    21657 Configuration;
    es "Ese remitente no se admite en el país del destinatario"
       "Envía desde un número en lugar de un nombre, o registra el nombre en ese país."
    en "That sender is not allowed in the recipient's country"
       "Send from a number instead of a name, or register the name in that country."

    21658 Permanent;
    es "Un dato de la petición es demasiado largo"
       "Acorta el texto, las direcciones de los archivos o `server.public_url`."
    en "A value of the request is too long"
       "Shorten the text, the addresses of files or `server.public_url`."

    21659 Sender;
    es "El remitente no es de Twilio, o es un código corto de otro país"
       "Pon en `from` del canal un número de tu cuenta; un código corto solo envía dentro de su país."
    en "The sender is not Twilio's, or is a short code of another country"
       "Set the channel's `from` to a number of your account; a short code sends within its own country only."

    21660 Sender;
    es "El remitente es de otra cuenta"
       "Usa el `account_sid` de la cuenta a la que pertenece el número, o un número de esta cuenta."
    en "The sender belongs to another account"
       "Use the `account_sid` of the account that the number belongs to, or a number of this account."

    21701 Sender;
    es "El servicio de mensajería no existe"
       "Copia de la consola de Twilio el `messaging_service_sid` correcto: empieza con MG."
    en "The messaging service does not exist"
       "Copy the right `messaging_service_sid` from Twilio's console: it begins with MG."

    21702 Sender;
    es "El servicio de mensajería no puede enviar ahora"
       "Revisa en la consola de Twilio el estado del servicio y sus registros pendientes, o usa otro."
    en "The messaging service can't send now"
       "See the service's state and its pending registrations in Twilio's console, or use another one."

    21703 Configuration;
    es "Ningún número del servicio llega a ese destinatario"
       "Agrega al servicio de mensajería un número que sirva para el país del destinatario."
    en "No number of the service reaches that recipient"
       "Add a number that works for the recipient's country to the messaging service."

    21704 Sender;
    es "El servicio de mensajería no tiene números"
       "Agrega al menos un número al servicio en la consola de Twilio."
    en "The messaging service has no numbers"
       "Add a number at least to the service in Twilio's console."

    21705 Sender;
    es "El identificador del servicio de mensajería no es válido"
       "Copia de la consola de Twilio el `messaging_service_sid`: empieza con MG y es de la misma cuenta."
    en "The messaging service's id is not valid"
       "Copy the `messaging_service_sid` from Twilio's console: it begins with MG and is of the same account."

    30029 Configuration;
    es "La retención del contenido no es válida"
       "Usa `retain` o `discard` en la petición, o quita ese dato."
    en "The retention of the content is not valid"
       "Use `retain` or `discard` in the request, or leave that value out."

    30030 Configuration;
    es "La retención de las direcciones no es válida"
       "Usa `retain` u `obfuscate` en la petición, o quita ese dato."
    en "The retention of the addresses is not valid"
       "Use `retain` or `obfuscate` in the request, or leave that value out."

    30400 Permanent;
    es "Los datos del cambio no son válidos"
       "Pide una sola cosa a la vez: borrar el texto o cancelar el mensaje."
    en "The values of the change are not valid"
       "Ask for one thing at a time: to redact the text or to cancel the message."

    30404 Permanent;
    es "Twilio no encuentra el mensaje"
       "Revisa que el mensaje no se haya borrado y que sea de esta cuenta."
    en "Twilio does not find the message"
       "Check that the message was not deleted and that it is of this account."

    30409 Permanent;
    es "El mensaje ya no se puede cancelar"
       "No hay nada que hacer: el mensaje ya salió o ya terminó."
    en "The message can no longer be canceled"
       "There is nothing to do: the message has left or has ended."

    90007 Configuration;
    es "El tiempo de validez no es válido"
       "Pon `validity` del canal entre 1 y 36000 segundos, o quítalo."
    en "The validity period is not valid"
       "Set the channel's `validity` between 1 and 36000 seconds, or leave it out."
}
