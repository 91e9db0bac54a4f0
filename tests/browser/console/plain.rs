//! The console without scripts, as some browsers and some companies have it: nothing is live then, and all that
//! people do is done all the same.

use std::time::{Duration, Instant};

use fantoccini::Locator;

use super::{ANA, Desk};

impl Desk {
    pub(super) async fn work_without_scripts(self) {
        self.text(ANA, "¿Siguen ahí?").await;
        self.sign_in().await;
        let live = self.client.find(Locator::Css("body[data-live-open]")).await;
        assert!(live.is_err(), "no script has run");
        self.answer_plainly().await;
        self.handle().await;
        self.be_refused().await;
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
            let text = self.shown(css).await;
            if text.as_ref().is_some_and(|text| text.contains(words)) {
                return;
            }
            assert!(Instant::now() < deadline, "{css} shows {text:?}, not {words:?}");
            self.client.refresh().await.expect("the page again");
        }
    }
}
