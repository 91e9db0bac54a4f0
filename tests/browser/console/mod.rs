//! The console, driven in a real browser against the real `recado dev`: what is live is seen to be, and every page
//! is looked through by axe for what keeps people from using it.
//!
//! With `RECADO_TEST_SCREENSHOTS`, a folder, what each page looks like is left there.

use std::path::{Path, PathBuf};

use fantoccini::{Client, Locator};
use recado_tests::Log;
use serde_json::{Value, json};

use crate::driver::{Driver, dev, find};

mod hands;
mod people;
mod plain;
mod plugins;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529845550101";
/// The visit without scripts, by which axe can't look either.
const PLAIN: &str = "plain";

/// Somebody at the console.
struct Desk {
    client: Client,
    console: String,
    phones: String,
    reach: Value,
    name: &'static str,
    width: u32,
    pictures: Option<PathBuf>,
    /// Where the gateway runs.
    folder: PathBuf,
}

#[test]
fn in_the_browser_people_are_answered_from_the_console_and_all_pages_can_be_used_by_everybody() {
    let Some(driver) = Driver::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::default();
    // What changes is loaded when somebody says so.
    write_settings(folder.path(), "");
    let (_process, reach) = dev(folder.path(), &log);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sizes: [(&'static str, u32, u32, &[&str]); 2] =
        [("desktop", 1280, 800, &[]), ("phone", 390, 844, &["--blink-settings=preferredColorScheme=0"])];
    for (name, width, height, more) in sizes {
        runtime.block_on(async {
            let client = driver.open(&folder.path().join(name), width, height, more).await;
            let desk = Desk::at(client.clone(), &reach, name, width, folder.path());
            let result = tokio::spawn(desk.work()).await;
            client.close().await.expect("closing");
            result.expect("the visit");
        });
    }
    runtime.block_on(async {
        let client = driver.open_without_scripts(&folder.path().join(PLAIN), 1280, 800).await;
        let desk = Desk::at(client.clone(), &reach, PLAIN, 1280, folder.path());
        let result = tokio::spawn(desk.work_without_scripts()).await;
        client.close().await.expect("closing");
        result.expect("the visit without scripts");
    });
}

/// The settings of the gateway, but for what `recado dev` sets.
fn write_settings(folder: &Path, plugins: &str) {
    let file = folder.join("config/recado.toml");
    std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    std::fs::write(file, format!("[plugin_files]\nwatch_s = 0\n{plugins}")).expect("a file");
}

impl Desk {
    fn at(client: Client, reach: &Value, name: &'static str, width: u32, folder: &Path) -> Self {
        let url = |what: &str| reach[what].as_str().expect("a URL").to_owned();
        #[expect(clippy::disallowed_methods, reason = "says where pictures are wanted")]
        let pictures = std::env::var("RECADO_TEST_SCREENSHOTS").ok().map(PathBuf::from);
        let (console, phones) = (url("console"), url("phones"));
        Self { client, console, phones, reach: reach.clone(), name, width, pictures, folder: folder.to_owned() }
    }

    async fn work(self) {
        self.text(ANA, "Hola, ¿tienen citas para mañana?").await;
        self.sign_in().await;
        self.answer().await;
        self.plan().await;
        self.handle().await;
        self.be_refused().await;
        self.write_a_template().await;
        self.answer_by_template().await;
        self.opt_out_and_in().await;
        self.keep_people().await;
        self.send_to_many().await;
        self.change_plugins().await;
        self.configure_a_plugin().await;
        self.erase_somebody().await;
        for page in ["dashboard", "channels", "plugins", "endpoints", "users", "account"] {
            self.go(&format!("/{page}")).await;
            self.see("main h1", "").await;
            self.look_through(page).await;
        }
        self.leave().await;
    }

    async fn sign_in(&self) {
        self.go("").await;
        self.see("h1", "Entra a la consola").await;
        self.look_through("sign-in").await;
        self.type_into("#name", self.reach["user"].as_str().expect("a name")).await;
        self.type_into("#password", "no es esta").await;
        self.click("button.primary").await;
        self.see("[data-testid=error]", "no son correctos").await;
        self.type_into("#password", self.reach["password"].as_str().expect("a password")).await;
        self.click("button.primary").await;
        self.see("[data-testid=row]:first-child", ANA).await;
    }

    /// What happens is seen without a reload, in the list and in the thread.
    async fn answer(&self) {
        find(&self.client, "body[data-live-open=yes]").await;
        let mine = format!("Soy otra persona ({})", self.name);
        self.text(LUIS, &mine).await;
        self.see("[data-testid=row]:first-child", LUIS).await;
        self.look_through("inbox").await;
        // By the keyboard: to the second conversation, and open it.
        let body = find(&self.client, "body").await;
        body.send_keys("j").await.expect("a key");
        self.key("j").await;
        self.key("\u{e007}").await;
        self.see("#who", ANA).await;

        self.type_into("#text", "Sí, a las 9 ✓").await;
        self.see("[data-testid=segments]", "UCS-2").await;
        self.look_through("composing").await;
        // As with Ctrl and Enter.
        find(&self.client, "#text").await.send_keys("\u{e009}\u{e007}").await.expect("keys");
        let delivered = "[data-testid=bubble][data-direction=outbound][data-status=delivered]:last-child";
        self.see(delivered, "Sí, a las 9 ✓").await;
        self.see(delivered, "dev").await;
        self.text(ANA, "¡Gracias!").await;
        self.see("#messages", "¡Gracias!").await;
        self.look_through("thread").await;
        self.click("#messages li:last-child .why").await;
        self.see("main h1", "Qué pasó con este mensaje").await;
        self.look_through("trace").await;
        self.client.back().await.expect("back");
    }

    /// What is to leave later waits where everybody sees it, and is taken back.
    async fn plan(&self) {
        self.see("#who", ANA).await;
        let text = format!("Le recordamos su cita ({})", self.name);
        self.type_into("#text", &text).await;
        self.click("details.schedule summary").await;
        // How a date is typed depends on the browser's language.
        let set = "document.getElementById('send_at').value = arguments[0]";
        let now = recado::clock::Clock::now(&recado::clock::SystemClock);
        let tomorrow = (now + jiff::SignedDuration::from_hours(24)).strftime("%Y-%m-%dT%H:%M").to_string();
        self.client.execute(set, vec![json!(tomorrow)]).await.expect("a date");
        self.look_through("planning").await;
        self.click("[data-testid=send]").await;
        let last = "[data-testid=bubble][data-direction=outbound]:last-child";
        self.see(last, &text).await;
        self.see(last, "sale").await;
        self.look_through("planned").await;
        self.click(&format!("{last} [data-testid=cancel]")).await;
        self.see(&format!("{last}[data-status=canceled]"), &text).await;
    }

    async fn handle(&self) {
        self.see("#who", ANA).await;
        self.type_into("#new-tag", &format!("cita-{}", self.name)).await;
        self.client.find(Locator::Css("#new-tag")).await.expect("it").send_keys("\u{e007}").await.expect("a key");
        self.see("#panel .tags", &format!("cita-{}", self.name)).await;
        self.type_into("#note", "Prefiere la tarde").await;
        self.click("#panel section:last-child button").await;
        self.see("#panel .notes", "Prefiere la tarde").await;
        self.picture("handled").await;
        self.click("[data-testid=close]").await;
        self.see("[data-testid=state]", "Cerrada").await;
        self.click("[data-testid=close]").await;
        self.see("[data-testid=state]", "Activa").await;
    }

    async fn be_refused(&self) {
        self.text(LUIS, "STOP").await;
        self.go(&format!("?q={}", LUIS.trim_start_matches('+'))).await;
        self.click("[data-testid=row] a").await;
        self.see("#who", LUIS).await;
        self.type_into("#text", "Una oferta").await;
        self.click("[data-testid=send]").await;
        self.see("[data-testid=refusal]", "se dio de baja").await;
        let kept = find(&self.client, "#text").await.prop("value").await.expect("a value");
        assert_eq!(kept.as_deref(), Some("Una oferta"), "what was written is not lost");
        self.look_through("refused").await;
        if self.name != PLAIN {
            // An answer that has no place in the page is told, until one has.
            self.client.execute("htmx.ajax('GET', '/console/nowhere', '#panel')", Vec::new()).await.expect("a request");
            self.see("#failed[role=alert]", "No se pudo hacer").await;
            self.look_through("failed").await;
            self.type_into("#text", "Otra oferta").await;
            self.see("#failed:empty", "").await;
        }
        self.click("[data-testid=person]").await;
        self.see("[data-testid=said]", "STOP").await;
        self.type_into("#attribute-name", &format!("ciudad-{}", self.name)).await;
        self.type_into("#attribute-value", "Mérida").await;
        self.click("[aria-labelledby=attributes] form.line button").await;
        self.see("[data-testid=attribute]", "Mérida").await;
        self.look_through("person").await;
        self.text(LUIS, "START").await;
    }

    /// It is seen while it is written, with what is missing, and kept.
    async fn write_a_template(&self) {
        self.go("/templates").await;
        self.click("[data-testid=new]").await;
        self.see("main h1", "Nueva plantilla").await;
        self.type_into("#name", &format!("cita-{}", self.name)).await;
        self.type_into("#text-0", "Hola {{ nombre }}, tu cita es a las {{ hora }} en {{ lugar }}").await;
        self.see("#previews [data-testid=wrong]", "hora").await;
        self.type_into("#variable-0", "nombre").await;
        self.type_into("#example-0", "Ana").await;
        for (row, name, example) in [(1, "hora", "9:30"), (2, "lugar", "")] {
            self.click("[data-testid=add-variable]").await;
            self.type_into(&format!("#variable-{row}"), name).await;
            if !example.is_empty() {
                self.type_into(&format!("#example-{row}"), example).await;
            }
        }
        self.see("#previews [data-testid=wrong]", "lugar").await;
        self.click("[data-testid=save]").await;
        self.see("[data-testid=variable]:nth-of-type(3) [data-testid=wrong]", "Falta un ejemplo").await;
        self.look_through("template-faulty").await;
        self.type_into("#default-2", "la clínica").await;
        self.see("#previews [data-testid=sample]", "Hola Ana, tu cita es a las 9:30 en la clínica").await;
        self.see("#previews .segments", "UCS-2").await;
        self.type_into("#to", "998 112 2334").await;
        self.see("#previews", "MX").await;
        self.click("[data-testid=add-language]").await;
        self.type_into("#locale-1", "en").await;
        self.type_into("#text-1", "Hi {{ nombre }}, see you at {{ hora }}").await;
        self.see("[data-testid=preview-en] [data-testid=sample]", "Hi Ana, see you at 9:30").await;
        self.look_through("template-edit").await;
        self.click("[data-testid=save]").await;
        self.see("[data-testid=version]", "versión 1").await;
        self.look_through("template").await;
        self.go("/templates").await;
        self.see("[data-testid=template]:first-child", &format!("cita-{}", self.name)).await;
        self.look_through("templates").await;
    }

    /// What is put into it is seen as it will arrive, and it arrives.
    async fn answer_by_template(&self) {
        self.go(&format!("?q={}", ANA.trim_start_matches('+'))).await;
        self.click("[data-testid=row] a").await;
        self.see("#who", ANA).await;
        let template = find(&self.client, "#template").await;
        template.select_by_value(&format!("cita-{}", self.name)).await.expect("a choice");
        self.see("[data-testid=missing]", "nombre").await;
        self.type_into("#value-nombre", "Ana").await;
        self.type_into("#value-hora", "10:15").await;
        let text = "Hola Ana, tu cita es a las 10:15 en la clínica";
        self.see("[data-testid=sample]", text).await;
        self.see("#made-preview", "UCS-2").await;
        self.look_through("composing-template").await;
        self.click("[data-testid=send]").await;
        let last = "[data-testid=bubble][data-direction=outbound][data-status=delivered]:last-child";
        self.see(last, text).await;
        self.click("#messages li:last-child .why").await;
        self.see("[data-testid=made-of]", &format!("cita-{}", self.name)).await;
        self.client.back().await.expect("back");
    }

    /// By hand, with what there is to show for it, and the other way round.
    async fn opt_out_and_in(&self) {
        self.click("[data-testid=person]").await;
        self.click("[data-testid=opted_out] summary").await;
        self.see("[data-testid=opted_out] .note", "se cancela").await;
        self.type_into("#proof-opted_out", "Lo pidió por teléfono").await;
        self.look_through("opting-out").await;
        self.click("[data-testid=opted_out-now]").await;
        self.see("[data-testid=consent]", "Se dio de baja").await;
        self.see("[data-testid=said]:first-child", "Lo pidió por teléfono").await;
        self.click("[data-testid=opted_in] summary").await;
        self.type_into("#proof-opted_in", "Escribió por correo que sí").await;
        self.click("[data-testid=opted_in-now]").await;
        self.see("[data-testid=consent]", "Se dio de alta").await;
        self.picture("opted-in").await;
    }

    /// What is written is looked at, sent, and watched until it is done, without a reload.
    async fn send_to_many(&self) {
        self.go("/bulks").await;
        self.click("[data-testid=new]").await;
        self.see("main h1", "Nuevo envío masivo").await;
        self.type_into("#name", &format!("Rebajas ({})", self.name)).await;
        self.type_into("#bulk-text", "Hoy todo a mitad de precio ✓").await;
        self.see("#segments", "UCS-2").await;
        let list = (0..8).map(|number| format!("99811500{number:02}\n")).collect::<Vec<_>>().concat();
        self.type_into("#recipients", &format!("no es un número\n{list}")).await;
        self.look_through("new-bulk").await;
        self.click("[data-testid=look]").await;
        self.see("[data-testid=valid]", "8 se pueden enviar").await;
        self.see("[data-testid=wrong-line]", "no es un número").await;
        self.see("[data-testid=sample]", "Hoy todo a mitad de precio").await;
        self.look_through("bulk-preview").await;
        self.click("[data-testid=send]").await;
        self.see("main h1", &format!("Rebajas ({})", self.name)).await;
        // A mark that a reload would take away.
        self.client.execute("document.body.dataset.here = 'yes'", Vec::new()).await.expect("a mark");
        self.see("[data-testid=state]", "terminado").await;
        self.see("[data-testid=count-delivered]", "8").await;
        self.see("[data-testid=settled]", "9 de 9").await;
        self.see("[data-testid=recipient]", "no es un número").await;
        find(&self.client, "body[data-here=yes]").await;
        self.look_through("bulk").await;
        self.go("/bulks").await;
        self.see("[data-testid=bulk]:first-child", "terminado").await;
        self.look_through("bulks").await;
    }

    /// Whoever asks to be forgotten is, and what is left says so.
    async fn erase_somebody(&self) {
        self.go("").await;
        self.click("[data-testid=row]:first-child a").await;
        self.see("#who", self.somebody_new()).await;
        let thread = self.client.current_url().await.expect("a URL");
        self.click("[data-testid=person]").await;
        self.click("[data-testid=erase] summary").await;
        self.see("[data-testid=erase] .note", "No hay vuelta atrás").await;
        self.click("#sure").await;
        self.look_through("erasing").await;
        self.click("[data-testid=erase-now]").await;
        self.see("[data-testid=done]", "fue borrada").await;
        self.client.goto(thread.as_str()).await.expect("the page");
        self.see("[data-testid=was-erased]", "fue borrada").await;
        self.look_through("erased").await;
    }

    /// Who has not written before.
    fn somebody_new(&self) -> &'static str {
        if self.width > 720 { "+529845550102" } else { "+529845550103" }
    }

    async fn leave(&self) {
        self.click("[data-testid=sign-out]").await;
        self.see("h1", "Entra a la consola").await;
        self.go("/dashboard").await;
        self.see("h1", "Entra a la consola").await;
    }
}
