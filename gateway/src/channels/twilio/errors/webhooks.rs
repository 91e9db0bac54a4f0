//! Codes that Twilio's console shows about our webhooks and what they were answered.
//!
//! The message is at Twilio by then: one that came in is taken from its list, should the webhook have failed.

super::table! {
    11200 Configuration;
    es "El webhook contestó un error o no contestó a tiempo"
       "Mira con `recado doctor` si Twilio llega a `server.public_url`, y en el registro qué se contestó a esa hora."
    en "The webhook answered with an error or not in time"
       "See with `recado doctor` whether Twilio reaches `server.public_url`, and in the log what was answered then."

    11201 Configuration;
    es "La conexión con el webhook no se estableció a tiempo"
       "Revisa el cortafuegos y que el servidor de `server.public_url` esté en marcha."
    en "The connection to the webhook was not made in time"
       "Check the firewall, and that the server of `server.public_url` is running."

    11202 Configuration;
    es "El servidor del webhook rechazó la conexión"
       "Revisa que Recado y el proxy estén en marcha y que el puerto de `server.public_url` sea el suyo."
    en "The webhook's server refused the connection"
       "Check that Recado and the proxy are running and that the port of `server.public_url` is theirs."

    11203 Configuration;
    es "El webhook tardó más de lo que Twilio espera"
       "Baja `inbound.reply_within_ms`, y mira en el registro qué plugin o qué base de datos va lento."
    en "The webhook took longer than Twilio waits"
       "Lower `inbound.reply_within_ms`, and see in the log which plugin or which database is slow."

    11205 Configuration;
    es "Twilio no pudo conectarse con el webhook"
       "Revisa el nombre, el puerto y el cortafuegos de `server.public_url`."
    en "Twilio could not connect to the webhook"
       "Check the name, the port and the firewall of `server.public_url`."

    11206 Configuration;
    es "La respuesta del webhook no es HTTP bien formado"
       "Revisa el proxy que está delante de Recado: Twilio no pudo leer lo que contestó."
    en "The webhook's answer is no well-formed HTTP"
       "Check the proxy in front of Recado: Twilio could not read what it answered."

    11210 Configuration;
    es "El nombre del servidor del webhook no existe"
       "Corrige `server.public_url`, y después el webhook con `recado doctor --fix`."
    en "The host name of the webhook does not exist"
       "Correct `server.public_url`, and then the webhook with `recado doctor --fix`."

    11215 Configuration;
    es "El webhook redirige demasiadas veces"
       "Pon en `server.public_url` la dirección final, sin redirecciones del proxy."
    en "The webhook redirects too many times"
       "Set `server.public_url` to the final address, without redirects of the proxy."

    11220 Configuration;
    es "No se pudo establecer TLS con el webhook"
       "Revisa el certificado del proxy y que admita TLS 1.2 o más nuevo."
    en "TLS with the webhook could not be established"
       "Check the proxy's certificate, and that it takes TLS 1.2 or newer."

    11235 Configuration;
    es "El certificado del webhook es de otro nombre"
       "Instala en el proxy un certificado para el nombre de `server.public_url`."
    en "The webhook's certificate is for another name"
       "Install a certificate for the name of `server.public_url` in the proxy."

    11236 Configuration;
    es "El certificado del webhook caducó"
       "Renueva el certificado del proxy."
    en "The webhook's certificate has expired"
       "Renew the proxy's certificate."

    11237 Configuration;
    es "Al certificado del webhook le faltan los intermedios"
       "Instala en el proxy la cadena completa, de una autoridad que sea pública."
    en "The webhook's certificate lacks the intermediate ones"
       "Install the whole chain in the proxy, of an authority that is public."

    11240 Configuration;
    es "El lugar de salida que pide el webhook no existe"
       "Corrige o quita `e` en la parte de la dirección del webhook que sigue a #."
    en "The edge that the webhook asks for does not exist"
       "Correct or leave out `e` in the part of the webhook's address behind #."

    11241 Configuration;
    es "El lugar de salida que pide el webhook no se puede usar"
       "Cambia o quita `e` en la parte de la dirección del webhook que sigue a #."
    en "The edge that the webhook asks for can't be used"
       "Change or leave out `e` in the part of the webhook's address behind #."

    11242 Configuration;
    es "La cuenta no puede llamar al webhook por Twilio Interconnect"
       "Quita `e` de la parte de la dirección del webhook que sigue a #."
    en "The account may not call the webhook over Twilio Interconnect"
       "Leave out `e` in the part of the webhook's address behind #."

    11243 Configuration;
    es "La regla de reintentos del webhook no es válida"
       "Corrige `rp` en la parte de la dirección del webhook que sigue a #, o usa `recado doctor --fix`."
    en "The webhook's rule for repeating is not valid"
       "Correct `rp` in the part of the webhook's address behind #, or use `recado doctor --fix`."

    11251 Configuration;
    es "La respuesta del webhook rompió el protocolo HTTP"
       "Revisa el proxy que está delante de Recado: cortó la respuesta o la mezcló con otra."
    en "The webhook's answer broke the HTTP protocol"
       "Check the proxy in front of Recado: it cut the answer or mixed it with another one."

    11321 Configuration;
    es "La dirección del webhook está mal escrita"
       "Corrígela en la consola de Twilio, o con `recado doctor --fix`."
    en "The webhook's address is not well formed"
       "Correct it in Twilio's console, or with `recado doctor --fix`."

    11750 Configuration;
    es "La respuesta del webhook pasa de 64 kB"
       "Acorta las respuestas de los plugins, o envíalas por separado."
    en "The webhook's answer is longer than 64 kB"
       "Shorten the plugins' replies, or send them one by one."

    11751 Permanent;
    es "Un archivo es más grande de lo que admite el canal"
       "Reduce el archivo (5 MB en total por MMS) o envía un enlace."
    en "A file is larger than the channel takes"
       "Make the file smaller (5 MB in all by MMS) or send a link."

    11770 Configuration;
    es "La respuesta del webhook llegó vacía"
       "Revisa el proxy que está delante de Recado: debe pasar las respuestas enteras."
    en "The webhook's answer came empty"
       "Check the proxy in front of Recado: it must pass answers on whole."

    12100 Configuration;
    es "La respuesta del webhook no es XML bien formado"
       "Mira si contesta Recado o una página del proxy en su lugar."
    en "The webhook's answer is no well-formed XML"
       "See whether Recado answers, or a page of the proxy in its place."

    12101 Configuration;
    es "La respuesta del webhook dice una versión de XML que no existe"
       "Mira si contesta Recado u otro programa en esa dirección."
    en "The webhook's answer names a version of XML that does not exist"
       "See whether Recado answers, or another program at that address."

    12102 Configuration;
    es "La respuesta del webhook no es TwiML"
       "Mira si contesta Recado o una página del proxy en su lugar: la raíz debe ser Response."
    en "The webhook's answer is no TwiML"
       "See whether Recado answers, or a page of the proxy in its place: the root must be Response."

    12200 Notice;
    es "La respuesta del webhook tiene partes que TwiML no conoce"
       "Mira si contesta Recado u otro programa en esa dirección; lo desconocido se pasa por alto."
    en "The webhook's answer has parts that TwiML does not know"
       "See whether Recado answers, or another program at that address; what is unknown is passed over."

    12300 Configuration;
    es "La respuesta o el archivo dice un tipo de contenido que no sirve"
       "Para un archivo, corrige su `Content-Type`; para el webhook, mira si el proxy lo cambia."
    en "The answer or the file states a content type that does not do"
       "For a file, correct its `Content-Type`; for the webhook, see whether the proxy changes it."

    14101 Configuration;
    es "El destinatario de una respuesta no es válido"
       "Envía esa respuesta por la API, con el número en la forma +529981234567."
    en "The recipient of a reply is not valid"
       "Send that reply by the API, with the number as in +529981234567."

    14102 Configuration;
    es "El remitente de una respuesta no es válido"
       "Contesta desde el número al que escribieron, o desde otro de la cuenta que tenga SMS."
    en "The sender of a reply is not valid"
       "Answer from the number that was written to, or from another of the account that has SMS."

    14103 Permanent;
    es "El texto de una respuesta está vacío o es demasiado largo"
       "Da a la respuesta un texto de menos de 1600 caracteres."
    en "The text of a reply is empty or too long"
       "Give the reply a text of less than 1600 characters."

    14104 Configuration;
    es "El método de una respuesta no es GET ni POST"
       "Mira si contesta Recado u otro programa en esa dirección: Recado no pone otro método."
    en "The method of a reply is neither GET nor POST"
       "See whether Recado answers, or another program at that address: Recado sets no other method."

    14105 Configuration;
    es "La dirección de los avisos de una respuesta no es válida"
       "Pon en `server.public_url` una dirección pública, sin guiones bajos en el nombre del servidor."
    en "The address for a reply's status reports is not valid"
       "Set `server.public_url` to a public address, with no underscores in the host name."

    14106 Configuration;
    es "El webhook pasó la palabra demasiadas veces"
       "Revisa que las direcciones de la consola de Twilio no se llamen unas a otras sin fin."
    en "The webhook was passed on too many times"
       "Check that the addresses in Twilio's console do not call one another without end."

    14108 Configuration;
    es "El número desde el que se contesta no tiene SMS"
       "Activa SMS en el número, o contesta desde otro de la cuenta."
    en "The number that replies has no SMS"
       "Enable SMS for the number, or answer from another one of the account."

    14109 Permanent;
    es "El webhook lleva más respuestas de las que Twilio envía"
       "Deja que los plugins contesten 10 mensajes como máximo, o envíalos por la API."
    en "The webhook has more replies than Twilio sends"
       "Have plugins answer with 10 messages at most, or send them by the API."

    14110 Configuration;
    es "La respuesta del webhook pide algo que no es de mensajes"
       "Mira si contesta Recado u otro programa: el número puede tener puesto el webhook de voz."
    en "The webhook's answer asks for something that is not of messages"
       "See whether Recado answers, or another program: the number may have the webhook for voice."

    14111 Configuration;
    es "Una cuenta de prueba no contesta a ese número"
       "Verifica el número en la consola de Twilio, o pasa la cuenta a una de pago."
    en "A trial account does not reply to that number"
       "Verify the number in Twilio's console, or upgrade the account."
}
