//! Plugins at the console: one that is changed is tried first, by its file or by its form.

use super::{Desk, write_settings};

impl Desk {
    /// A changed plugin is tried on what was said before, and then put in force.
    pub(super) async fn change_plugins(&self) {
        let answer = format!("Otra respuesta ({})", self.name);
        let plugin = format!(
            "[[plugins]]\nname = \"auto-reply\"\ncomponent = \"builtin:auto-reply\"\n[plugins.config]\ntext = \"{answer}\"\n"
        );
        write_settings(&self.folder, &plugin);
        self.go("/plugins").await;
        self.click("[data-testid=replay]").await;
        self.see("[data-testid=replayed] .new", &answer).await;
        self.look_through("replayed").await;
        self.click("[data-testid=reload]").await;
        self.see("[data-testid=said]", "Plugins recargados").await;
        // Now nothing would be different from what is in force: somebody new is answered by it.
        self.text(self.somebody_new(), "¿Hay alguien?").await;
        self.go("").await;
        self.see("[data-testid=row]:first-child", &answer).await;
    }

    /// By its form: what does not fit is said beside it, what fits is tried first, and then in force.
    pub(super) async fn configure_a_plugin(&self) {
        self.go("/plugins").await;
        self.click("[data-testid=configure]").await;
        self.see("main h1", "auto-reply").await;
        let answer = format!("Desde el formulario ({})", self.name);
        self.type_into("[id='c/text']", &answer).await;
        self.type_into("[id='c/hours/time_zone']", "Marte").await;
        self.click("[data-testid=save]").await;
        self.see(".setting.wrong [data-testid=error]", "").await;
        self.look_through("plugin-faulty").await;
        self.type_into("[id='c/hours/time_zone']", "America/Cancun").await;
        self.write_rules(&answer).await;
        self.click("[data-testid=try]").await;
        self.see("[data-testid=replayed] .new", &answer).await;
        self.look_through("plugin-tried").await;
        self.click("[data-testid=save]").await;
        self.see("[data-testid=said]", "Guardado").await;
        self.text(self.somebody_new(), "¿Y ahora?").await;
        self.go("").await;
        self.see("[data-testid=row]:first-child", &answer).await;
        self.look_at_decisions(&answer).await;
        // The files count again, for the next who looks.
        self.go("/plugins/auto-reply").await;
        self.look_through("plugin").await;
        self.click("[data-testid=reset]").await;
        self.see("[data-testid=said]", "Vuelve a valer").await;
    }

    /// What it decided is there to be read, and leads to the message.
    async fn look_at_decisions(&self, answer: &str) {
        self.go("/plugins").await;
        self.click("[data-testid=decisions]").await;
        self.see("[data-testid=decision]:first-child", answer).await;
        self.look_through("decisions").await;
        self.click("[data-testid=failed]").await;
        self.see(".empty", "Ningún fallo").await;
        self.go("/plugins/auto-reply/decisions").await;
        self.click("[data-testid=decision]:first-child a").await;
        self.see("main h1", "Qué pasó con este mensaje").await;
        self.see("main", answer).await;
    }

    /// One for each thing that people ask for, put in order, and without any JSON.
    async fn write_rules(&self, answer: &str) {
        for (place, words, reply) in [(0, "precio", answer), (1, "horario", "De 9 a 18 horas")] {
            self.click("button[value='add:/rules']").await;
            self.see("[data-testid=said]", "Todavía no está guardado").await;
            self.type_into(&format!("[id='c/rules/{place}/keywords']"), words).await;
            self.type_into(&format!("[id='c/rules/{place}/reply']"), reply).await;
        }
        self.click("button[value='up:/rules/1']").await;
        self.see("[data-testid=entry]:first-of-type summary", "horario").await;
        self.click("button[value='add:/rules']").await;
        self.see("[data-testid=entry]:last-of-type summary", "Regla 3").await;
        // What it lacks is told at the entry.
        self.click("[data-testid=save]").await;
        self.see("[data-testid=entry][open]:last-of-type [data-testid=error]", "").await;
        self.look_through("plugin-rules").await;
        self.click("button[value='remove:/rules/2']").await;
        self.see("[data-testid=entry]:last-of-type summary", "precio").await;
        self.click("button[value='add:/hours/open']").await;
        self.click("[name='c/hours/open/0/days=mon']").await;
        self.type_into("[id='c/hours/open/0/from']", "00:00").await;
        self.type_into("[id='c/hours/open/0/to']", "24:00").await;
    }
}
