//! What the pages for owners and the pages of refusals say.

use super::words;

words! {
    /// About everything that is no conversation.
    More {
        trouble_title: "Algo no salió bien", "Something went wrong";
        forbidden: "No tienes permiso para esto.", "You may not do this.";
        forged: "La petición no vino de esta página. Recarga la página y prueba otra vez.",
            "The request did not come from this page. Reload the page and try again.";
        not_found: "No existe, o ya no está.", "It does not exist, or is gone.";
        unavailable: "La base de datos no contesta. Prueba otra vez en unos segundos.",
            "The database does not answer. Try again in some seconds.";
        internal: "Es un defecto de Recado; el registro dice más.", "This is a defect of Recado; its log says more.";
        unreadable: "No se entiende la petición.", "The request can't be read.";
        too_large: "Es demasiado grande: manda menos, o archivos más pequeños.",
            "It is too large: send less, or smaller files.";
        room: "En total caben", "There is room for";
        no_answer: "No hubo respuesta, y nada cambió en esta página. Prueba otra vez en unos segundos.",
            "There was no answer, and nothing changed on this page. Try again in some seconds.";
        not_done: "No se pudo hacer. Prueba otra vez, o recarga la página.",
            "It could not be done. Try again, or reload the page.";
        repeated: "Este formulario ya se usó con otro texto. Recarga la página.",
            "This form was used before with another text. Reload the page.";
        opted_out: "Esta persona se dio de baja y no se le puede escribir. Puede volver enviando START; o, si lo pidió de otra forma, apúntalo en su página.",
            "This person has opted out and can't be written to. They can undo that by texting START; or, if they asked for it in another way, put that down on their page.";
        empty: "Escribe algo primero.", "Write something first.";

        file_empty: "está vacío.", "is empty.";
        file_too_large: "es demasiado grande. Un archivo puede tener, en total,", "is too large. A file may have";
        file_not_carried: "los operadores no llevan archivos así. Manda una foto, un sonido, un vídeo, un contacto o un PDF.",
            "carriers do not take such files. Send a picture, a sound, a film, a contact or a PDF.";
        file_gone: "Un archivo ya no está: adjúntalo otra vez.", "A file is gone: attach it again.";
        too_many_files: "Son demasiados archivos. En un mensaje caben", "These are too many files. A message takes";

        trace_title: "Qué pasó con este mensaje", "What happened to this message";
        trace_plugins: "Qué decidieron los plugins", "What plugins decided";
        trace_gate: "Qué dijo el control de consentimiento", "What the gate said";
        trace_attempts: "Intentos de envío", "Tries to send";
        trace_reports: "Informes del proveedor", "Reports of the provider";
        trace_led_to: "Qué siguió", "What followed";
        trace_timers: "Temporizadores pendientes", "Timers to come";
        trace_events: "Avisos a endpoints", "Told to endpoints";
        trace_removals: "Borrados en el proveedor", "Removals at the provider";
        trace_looks: "Consultas al proveedor", "Looks at the provider's list";
        trace_waits: "Por qué espera", "Why it waits";
        trace_nothing: "No hay nada más en el registro.", "Nothing more is on record.";
        no_plugin: "Ningún plugin fue consultado.", "No plugin was asked.";
        to_conversation: "Ver en la conversación", "See it in its conversation";
        wire: "Lo que viajó por la red", "What went over the wire";
        decision: "Decisión", "Decision";
        on_record: "Como está en el registro", "As it is on record";
        error: "Error", "Error";
        remedy: "Qué hacer", "What to do";
        when: "Cuándo", "When";
        waits_gate: "Espera a que sea de día donde está el destinatario.", "It waits for the day where the recipient is.";
        waits_time: "Espera su hora.", "It waits for its time.";
        waits_channel: "El canal está en pausa.", "The channel is paused.";
        waits_sender: "El remitente va tan rápido como puede.", "The sender is as fast as it may be.";

        sender: "Remitente", "Sender";
        rate: "Velocidad", "Rate";
        unlimited: "sin límite", "no limit";
        per_second: "segmentos/s", "segments/s";
        slowed: "ahora", "now";
        due: "En cola", "In the queue";
        sends: "Envía", "Sends";
        paused: "En pausa", "Paused";
        pause: "Pausar", "Pause";
        resume: "Continuar", "Resume";
        pause_reason: "Motivo (opcional)", "Reason (optional)";
        paused_since: "Desde", "Since";
        tries_at: "Vuelve a intentar", "Tries again";
        by_hand: "a mano", "by hand";
        by_gateway: "por Recado", "by Recado";
        check: "Comprobar", "Check";
        checked: "Lo que se encontró", "What was found";
        check_slow: "No hubo respuesta a tiempo. Prueba otra vez, o mira en el servidor con `recado doctor`.",
            "There was no answer in time. Try again, or look on the server with `recado doctor`.";
        found_good: "bien", "good";
        found_warning: "aviso", "warning";
        found_bad: "mal", "bad";
        found_skipped: "no se miró", "not looked at";
        no_channels: "No hay canales en la configuración.", "There are no channels in the settings.";

        state: "Estado", "State";
        works: "Funciona", "Works";
        tripped: "Desconectado por fallos", "Switched off since it fails";
        calls: "Consultas", "Calls";
        failures: "Fallos", "Failures";
        mean: "Media", "Mean";
        slowest: "La más lenta", "Slowest";
        last_failure: "Último fallo", "Last failure";
        reload: "Recargar plugins", "Reload plugins";
        reloaded: "Plugins recargados.", "Plugins were reloaded.";
        not_reloaded: "No se recargó nada; siguen los de antes.", "Nothing was reloaded; those before stay.";
        replay: "Probar con mensajes pasados", "Try on past messages";
        replay_hint: "Vuelve a preguntar a los plugins, tal como se cargarían ahora, por los últimos mensajes. No envía ni guarda nada.",
            "Asks the plugins, as they would be loaded now, about the last messages again. Sends and stores nothing.";
        replay_last: "Cuántos mensajes", "How many messages";
        replayed: "Mensajes", "Messages";
        same: "Igual", "Same";
        different: "Distintos", "Different";
        not_comparable: "No comparables", "Not comparable";
        before: "Antes", "Before";
        after: "Ahora", "Now";
        nothing: "nada", "nothing";
        no_difference: "Nada cambiaría.", "Nothing would be different.";
        no_plugins: "No hay plugins.", "There are no plugins.";

        url: "Dirección", "URL";
        subscribed: "Avisos", "Events";
        waiting: "Pendientes", "Waiting";
        last_success: "Último éxito", "Last success";
        failing_since: "Falla desde", "Fails since";
        enable: "Volver a activar", "Enable again";
        deliveries: "Entregas", "Deliveries";
        tell_again: "Avisar otra vez", "Tell again";
        kind: "Tipo", "Type";
        tries: "Intentos", "Tries";
        answer: "Respuesta", "Answer";
        no_endpoints: "No hay endpoints en la configuración.", "There are no endpoints in the settings.";
        no_events: "Nada todavía.", "Nothing yet.";
        endpoint_active: "Activo", "Active";
        endpoint_disabled: "Desactivado", "Disabled";
        endpoint_gone: "Dijo que ya no existe", "Said that it is gone";
        event_waiting: "pendiente", "waiting";
        event_sending: "enviándose", "sending";
        event_delivered: "entregado", "delivered";
        event_given_up: "abandonado", "given up";

        last_days: "Últimos 14 días", "Last 14 days";
        received: "Recibidos", "Received";
        sent: "Enviados", "Sent";
        delivery_rate: "Tasa de entrega", "Delivery rate";
        half_delivered: "La mitad llega en", "Half arrive within";
        most_delivered: "95 de cada 100 en", "95 of 100 within";
        not_let_out: "No se dejó salir", "Not let out";
        but_bulks: "Lo de los envíos masivos está en la página de cada uno.", "That of bulk sends is on the page of each.";
        by_plugin: "Un plugin no lo dejó salir.", "A plugin did not let it out.";
        by_channel: "Por canal", "By channel";
        channel: "Canal", "Channel";
        failed: "Fallidos", "Failed";
        day: "Día", "Day";
        by_day: "Por día", "By day";
        errors: "Errores", "Errors";
        code: "Código", "Code";
        meaning: "Qué significa", "What it means";
        how_many: "Cuántos", "How many";
        no_errors: "Ningún error.", "No errors.";
        dash: "—", "—";

        add_user: "Añadir a alguien", "Add somebody";
        role: "Puede", "Role";
        role_owner: "propietario: todo", "owner: everything";
        role_agent: "agente: responder y gestionar conversaciones", "agent: answer and handle conversations";
        role_viewer: "lector: solo leer", "viewer: only read";
        language: "Idioma", "Language";
        new_password: "Contraseña nueva", "New password";
        current_password: "Contraseña actual", "Current password";
        change_password: "Cambiar contraseña", "Change password";
        password_hint: "Al menos 10 caracteres.", "At least 10 characters.";
        password_short: "La contraseña necesita al menos 10 caracteres.", "A password needs at least 10 characters.";
        name_taken: "Ya hay alguien con ese nombre.", "There is somebody of that name.";
        name_bad: "El nombre necesita de 1 a 40 letras, cifras, puntos o guiones.",
            "A name needs 1 to 40 letters, digits, dots or hyphens.";
        disable: "Bloquear", "Lock out";
        enable_user: "Desbloquear", "Let in again";
        disabled: "bloqueado", "locked out";
        not_yourself: "No puedes hacerte eso a ti.", "You can't do that to yourself.";
        saved: "Guardado.", "Saved.";
    }
}
