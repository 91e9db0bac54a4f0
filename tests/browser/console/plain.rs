//! The console without scripts, as some browsers and some companies have it: nothing is live then, and all that
//! people do is done all the same.

use std::time::{Duration, Instant};

use fantoccini::Locator;

use super::{ANA, Desk, LUIS};

impl Desk {
    pub(super) async fn work_without_scripts(self) {
        self.text(ANA, "¿Siguen ahí?").await;
        self.sign_in().await;
        let live = self.client.find(Locator::Css("body[data-live-open]")).await;
        assert!(live.is_err(), "no script has run");
        self.answer_plainly().await;
        self.handle_plainly().await;
        self.be_refused_plainly().await;
        self.write_a_template_plainly().await;
        self.send_to_many_plainly().await;
        self.configure_a_plugin().await;
        self.leave().await;
    }

    async fn answer_plainly(&self) {
        self.click("[data-testid=row]:first-child a").await;
        self.see("#who", ANA).await;
        self.type_into("#text", "Sí, aquí seguimos").await;
        self.click("[data-testid=send]").await;
        let delivered = "[data-testid=bubble][data-direction=outbound][data-status=delivered]:last-child";
        self.see_in_the_end(delivered, "Sí, aquí seguimos").await;
        self.picture("plain-thread").await;
        let last =
            "return document.querySelector('#messages li:last-child').getBoundingClientRect().bottom < innerHeight";
        let is_in_view = self.client.execute(last, Vec::new()).await.expect("where it is");
        assert_eq!(is_in_view.as_bool(), Some(true), "one sees what was said last");
        self.click("#messages li:last-child .why").await;
        self.see("main h1", "Qué pasó con este mensaje").await;
        self.client.back().await.expect("back");
    }

    async fn handle_plainly(&self) {
        self.type_into("#new-tag", "sin-guiones").await;
        self.client.find(Locator::Css("#new-tag")).await.expect("it").send_keys("\u{e007}").await.expect("a key");
        self.see("#panel .tags", "sin-guiones").await;
        self.type_into("#note", "Escribe de noche").await;
        self.click("#panel section:last-child button").await;
        self.see("#panel .notes", "Escribe de noche").await;
        self.click("[data-testid=close]").await;
        self.see("[data-testid=state]", "Cerrada").await;
        self.click("[data-testid=close]").await;
        self.see("[data-testid=state]", "Activa").await;
    }

    async fn be_refused_plainly(&self) {
        self.text(LUIS, "STOP").await;
        self.go(&format!("?q={}", LUIS.trim_start_matches('+'))).await;
        self.click("[data-testid=row] a").await;
        self.see("#who", LUIS).await;
        self.type_into("#text", "Una oferta").await;
        self.click("[data-testid=send]").await;
        self.see("[data-testid=refusal]", "se dio de baja").await;
        let kept = find_value(self, "#text").await;
        assert_eq!(kept.as_deref(), Some("Una oferta"), "what was written is not lost");
        self.text(LUIS, "START").await;
    }

    async fn write_a_template_plainly(&self) {
        self.go("/templates").await;
        self.click("[data-testid=new]").await;
        self.type_into("#name", "aviso").await;
        self.type_into("#text-0", "Hola {{ nombre }}").await;
        self.type_into("#variable-0", "nombre").await;
        self.type_into("#example-0", "Ana").await;
        self.click("[data-testid=add-language]").await;
        self.type_into("#locale-1", "en").await;
        self.type_into("#text-1", "Hi {{ nombre }}").await;
        self.click("[data-testid=save]").await;
        self.see("[data-testid=version]", "versión 1").await;
        // It is what an answer is made of.
        self.go(&format!("?q={}", ANA.trim_start_matches('+'))).await;
        self.click("[data-testid=row] a").await;
        self.picture("plain-composing").await;
    }

    async fn send_to_many_plainly(&self) {
        self.go("/bulks").await;
        self.click("[data-testid=new]").await;
        self.type_into("#name", "Sin guiones").await;
        self.type_into("#bulk-text", "Mañana cerramos").await;
        self.type_into("#recipients", "9981150100\n9981150101\n").await;
        self.click("[data-testid=look]").await;
        self.see("[data-testid=valid]", "2 se pueden enviar").await;
        self.click("[data-testid=send]").await;
        self.see_in_the_end("[data-testid=count-delivered]", "2").await;
        self.picture("plain-bulk").await;
    }

    /// Looks again and again, as people do where nothing is live.
    async fn see_in_the_end(&self, css: &str, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = match self.client.find(Locator::Css(css)).await {
                Ok(found) => found.text().await.ok(),
                Err(_) => None,
            };
            if text.as_ref().is_some_and(|text| text.contains(words)) {
                return;
            }
            assert!(Instant::now() < deadline, "{css} shows {text:?}, not {words:?}");
            self.client.refresh().await.expect("the page again");
        }
    }
}

async fn find_value(desk: &Desk, css: &str) -> Option<String> {
    super::find(&desk.client, css).await.prop("value").await.expect("a value")
}
