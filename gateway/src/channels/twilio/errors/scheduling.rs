//! Codes by which Twilio does not keep a message until its time.

super::table! {
    35111 Permanent;
    es "Falta la hora a la que debe salir el mensaje"
       "Indica la hora (`SendAt`), o quita `ScheduleType` para que salga de inmediato."
    en "The time at which the message is to leave is missing"
       "Say the time (`SendAt`), or leave out `ScheduleType` to send at once."

    35114 Permanent;
    es "La hora de salida no se puede leer"
       "Escribe la hora en ISO 8601 y UTC, como en 2027-01-15T17:00:00Z."
    en "The time to leave can't be read"
       "Write the time in ISO 8601 and UTC, as in 2027-01-15T17:00:00Z."

    35115 Permanent;
    es "La hora de salida está demasiado cerca"
       "Elige una hora más tarde, o envía sin programar."
    en "The time to leave is too close"
       "Choose a later time, or send without scheduling."

    35117 Permanent;
    es "La hora de salida está demasiado lejos"
       "Programa para dentro de 35 días como máximo."
    en "The time to leave is too far away"
       "Schedule for 35 days ahead at most."

    35118 Configuration;
    es "Para programar se necesita un servicio de mensajería"
       "Pon `messaging_service_sid` en el canal y envía por él."
    en "Scheduling needs a messaging service"
       "Set `messaging_service_sid` in the channel and send by it."

    35119 Permanent;
    es "Hay hora de salida, pero no el tipo de programación"
       "Agrega `ScheduleType` con el valor fixed, o quita la hora."
    en "There is a time to leave, but no type of scheduling"
       "Add `ScheduleType` with the value fixed, or leave the time out."

    35125 RetryLater(Some(super::HOUR));
    es "La cuenta ya tiene demasiados mensajes programados"
       "Espera a que salgan algunos, cancela los que sobren, o programa más cerca de su hora."
    en "The account has too many scheduled messages already"
       "Wait until some have left, cancel those not needed, or schedule closer to their time."

    35126 Permanent;
    es "Ese tipo de programación no existe en este canal"
       "Pon fixed como `ScheduleType`, o envía sin programar."
    en "That type of scheduling does not exist in this channel"
       "Set `ScheduleType` to fixed, or send without scheduling."
}
