//! Codes that come with a looked up number.

super::table! {
    60600 Permanent;
    es "No hay datos de ese número"
       "Trata el número por lo que dicen sus dígitos; el operador no da más."
    en "There are no data for that number"
       "Go by what the number's digits tell; its carrier gives no more."

    60601 Configuration;
    es "Consultar números de Canadá pide una autorización"
       "Pide a Twilio la aprobación de NPAC para la cuenta."
    en "Looking up Canadian numbers needs an authorization"
       "Ask Twilio for the NPAC approval of the account."

    60606 Configuration;
    es "La cuenta no tiene activado ese paquete de Lookup"
       "Actívalo en la consola de Twilio, en Lookup."
    en "The account does not have that Lookup package enabled"
       "Enable it in Twilio's console, under Lookup."

    60607 Permanent;
    es "Lookup no cubre el país de ese número"
       "Trata el número por lo que dicen sus dígitos."
    en "Lookup does not cover that number's country"
       "Go by what the number's digits tell."

    60608 RetryLater(None);
    es "La consulta del número falló"
       "Consulta otra vez más tarde."
    en "The lookup of the number failed"
       "Look it up again later."

    60610 Permanent;
    es "El número está fuera de la cobertura de Lookup"
       "Trata el número por lo que dicen sus dígitos."
    en "The number is outside of Lookup's coverage"
       "Go by what the number's digits tell."

    60611 Configuration;
    es "La cuenta agotó su cuota de Lookup"
       "Espera a que se renueve, o pide a Twilio una cuota mayor."
    en "The account has used up its Lookup quota"
       "Wait for it to be renewed, or ask Twilio for a higher one."

    60612 Permanent;
    es "El número no es móvil"
       "Pide al contacto un número móvil."
    en "The number is not a mobile number"
       "Ask the contact for a mobile number."

    60613 RetryLater(None);
    es "La fuente de los datos tiene problemas"
       "Consulta otra vez más tarde."
    en "The source of the data has trouble"
       "Look it up again later."

    60614 Configuration;
    es "La consulta se debe hacer en otra región de Twilio"
       "Cambia `region` del canal, o quítala."
    en "The lookup must be made in another region of Twilio"
       "Change the channel's `region`, or leave it out."

    60616 RetryLater(Some(super::MINUTE));
    es "Se rebasó la velocidad de consulta"
       "Espera un poco y consulta más despacio."
    en "The rate of lookups was exceeded"
       "Wait a little and look up more slowly."

    60617 Configuration;
    es "A la consulta le faltan datos"
       "Consulta el número completo, con + y su código de país."
    en "The lookup lacks some values"
       "Look up the whole number, with + and its country code."

    60618 Configuration;
    es "La consulta está mal escrita"
       "Consulta el número completo, con + y su código de país."
    en "The lookup is not well formed"
       "Look up the whole number, with + and its country code."

    60619 Configuration;
    es "La consulta no se puede hacer en esa región de Twilio"
       "Quita `edge` y `region` del canal, o pon otra región."
    en "The lookup can't be made in that region of Twilio"
       "Leave out the channel's `edge` and `region`, or set another region."

    60621 Permanent;
    es "El operador no da los datos del número"
       "Trata el número por lo que dicen sus dígitos."
    en "The carrier does not give the number's data"
       "Go by what the number's digits tell."

    60699 Configuration;
    es "La cuenta no tiene permitido usar Lookup"
       "Escribe al soporte de Twilio."
    en "The account is not allowed to use Lookup"
       "Write to Twilio's support."
}
