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
        self.click("[data-testid=try]").await;
        self.see("[data-testid=replayed] .new", &answer).await;
        self.look_through("plugin-tried").await;
        self.click("[data-testid=save]").await;
        self.see("[data-testid=said]", "Guardado").await;
        self.text(self.somebody_new(), "¿Y ahora?").await;
        self.go("").await;
        self.see("[data-testid=row]:first-child", &answer).await;
        // The files count again, for the next who looks.
        self.go("/plugins/auto-reply").await;
        self.look_through("plugin").await;
        self.click("[data-testid=reset]").await;
        self.see("[data-testid=said]", "Vuelve a valer").await;
    }
}
